import { writeSync } from 'node:fs';
import { ContextError } from '../../../src/errors.ts';
import { BACK_END_ABORTED, ENGINE_EXIT } from '../../../src/protocol/engine-options.ts';
import type { Tfjs } from '../context.ts';

/** The part of tfjs's WebAssembly module that allocates and aborts. */
interface WasmModule {
  _malloc(bytes: number): number;
  _free(address: number): void;
  onAbort?: ((what: unknown) => void) | undefined;
}

const STDERR = 2;
const MB = 1e6;

/**
 * Guards tfjs's WebAssembly module against a lack of memory. The back end does not look whether an allocation succeeded,
 * and would go on at address 0: here it throws ContextError. After an abort inside the module every op fails: then the
 * engine ends, and its cluster starts another one.
 */
export function guardWasmMemory(tf: Tfjs): void {
  const { wasm } = tf.backend() as unknown as { readonly wasm: WasmModule };
  // The module replaces this function at its first call.
  wasm._free(wasm._malloc(1));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address !== 0 || bytes === 0) return address;
    throw new ContextError(`the wasm back end has no memory for ${text(bytes)} more: ${held(tf)}. Dispose of tensors`);
  };
  wasm.onAbort = () => {
    // The control thread may hold process.stderr, and nothing is written after the exit.
    writeSync(STDERR, `${BACK_END_ABORTED} (${held(tf)})\n`);
    process.exit(ENGINE_EXIT.replaced);
  };
}

function held(tf: Tfjs): string {
  const { numTensors, numBytes } = tf.memory();
  return `${numTensors} tensors with ${text(numBytes)} are alive`;
}

const text = (bytes: number) => `${(bytes / MB).toFixed(0)} MB`;
