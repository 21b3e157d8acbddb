import type { KernelChain, KernelLink } from '../../../protocol/methods.ts';
import { encodedArgument, type KernelSignature } from './kernel-arguments.ts';

/** The result of a kernel that has been called inside `combineKernels`: an argument for the next one. */
export class KernelStep {
  readonly #index: number;
  readonly #recording: Recording;

  constructor(recording: Recording, index: number) {
    this.#recording = recording;
    this.#index = index;
  }

  /** Its place in the recording. @throws TypeError for a result of another call */
  indexIn(recording: Recording): number {
    if (this.#recording === recording) return this.#index;
    throw new TypeError('a result inside combineKernels ends with its call: keep it on the engines with .into(name)');
  }
}

/** The calls of kernels that the function of `combineKernels` makes, in their order. */
export class Recording {
  readonly #steps: KernelChain['steps'][number][] = [];
  readonly #values: unknown[] = [];
  readonly #places = new Map<unknown, number>();

  /** Notes a call, and gives its result. @throws TypeError for arguments that do not fit */
  add(id: string, parameters: KernelSignature, args: readonly unknown[]): KernelStep {
    this.#steps.push({ id, args: parameters.complete(args, (value, name) => this.#link(value, name)) });
    return new KernelStep(this, this.#steps.length - 1);
  }

  /** All calls for an engine; `value` is what the function returned. @throws TypeError unless that is a result */
  ended(value: unknown): Pick<KernelChain, 'steps' | 'values' | 'result'> {
    if (value instanceof KernelStep) return { steps: this.#steps, values: this.#values, result: value.indexIn(this) };
    throw new TypeError('the function of combineKernels returns, at once, the result of a kernel that it has called');
  }

  // An array that several kernels take travels once.
  #link(value: unknown, name: string): KernelLink {
    if (value instanceof KernelStep) return { step: value.indexIn(this) };
    const known = typeof value === 'object' ? this.#places.get(value) : undefined;
    if (known !== undefined) return { value: known };
    this.#places.set(value, this.#values.length);
    this.#values.push(encodedArgument(value, name));
    return { value: this.#values.length - 1 };
  }
}

let current: Recording | undefined;

/** The recording that is open: functions of `combineKernels` run synchronously, one at a time. */
export function openRecording(): Recording | undefined {
  return current;
}

/** Runs the function of `combineKernels`, and gives the calls that it made. @throws TypeError; what the function throws */
export function recorded(run: () => unknown): Pick<KernelChain, 'steps' | 'values' | 'result'> {
  const outer = current;
  const recording = new Recording();
  current = recording;
  try {
    return recording.ended(run());
  } finally {
    current = outer;
  }
}
