import { randomUUID } from 'node:crypto';
import type { KernelArguments, KernelPart } from '../../../protocol/methods.ts';
import { kernelText, type ParsedKernel, parseKernel } from '../../../protocol/values/kernels/kernel-source.ts';
import type { Mode } from '../../remote.ts';
import type { PerTargetResult } from '../../results/async-result.ts';
import type { Calls } from '../calls.ts';
import { encodedArgument, KernelSignature } from './kernel-arguments.ts';
import { type KernelSettings, specOf } from './kernel-settings.ts';
import { openRecording } from './recording.ts';

/** A kernel on the engines of a view as they were when it was created: one that comes later has no such kernel. */
export class RemoteKernel<M extends Mode> {
  readonly #calls: Calls<M>;
  readonly #id = randomUUID();
  readonly #parameters: KernelSignature;
  readonly #isMap: boolean;
  #destroyed: Promise<void> | undefined;

  private constructor(calls: Calls<M>, parsed: ParsedKernel, isMap: boolean) {
    this.#calls = calls;
    this.#parameters = new KernelSignature(parsed.parameters);
    this.#isMap = isMap;
  }

  /**
   * Sends a kernel to the engines. With `parts`, functions that it calls and whose values are results too, by key, it is a
   * kernel map.
   * @throws TypeError, RangeError, NotSerializableError before anything is sent
   */
  static async create<M extends Mode>(
    view: Calls<M>,
    fn: unknown,
    settings: KernelSettings,
    parts?: readonly (readonly [key: string, part: ParsedKernel])[],
  ): Promise<RemoteKernel<M>> {
    const parsed = parseKernel(fn);
    const { spec, helpers } = specOf(settings, parsed.parameters);
    const kernel = new RemoteKernel(view.frozen(), parsed, parts !== undefined);
    const called = [...helpers, ...(parts ?? []).map(([, part]) => part)];
    const source = kernelText(parsed, called);
    const wireParts = parts?.map(([key, part]): KernelPart => ({ key, source: kernelText(part, called) }));
    await kernel.#send({ do: 'create', id: kernel.#id, source, settings: spec, parts: wireParts });
    return kernel;
  }

  /** Calls it; inside `combineKernels` the call is noted, and the engines run it with the others. @throws TypeError */
  call(into: string | undefined, args: readonly unknown[]): PerTargetResult<M, never> {
    const recording = openRecording();
    if (recording === undefined) {
      return this.#send({ do: 'call', id: this.#id, args: this.#parameters.complete(args, encodedArgument), into });
    }
    if (this.#isMap) throw new TypeError('combineKernels takes kernels with one result, not those of kernelMap');
    if (into !== undefined) throw new TypeError('inside combineKernels a kernel keeps nothing: leave out into');
    return recording.add(this.#id, this.#parameters, args) as never;
  }

  /** The text that gpu.js made of it at its last call, on each engine. */
  source(): PerTargetResult<M, string> {
    return this.#send({ do: 'source', id: this.#id });
  }

  /** Frees it on the engines. Idempotent. */
  destroy(): Promise<void> {
    this.#destroyed ??= this.#send({ do: 'destroy', id: this.#id }).then(() => {});
    return this.#destroyed;
  }

  #send(args: KernelArguments): PerTargetResult<M, never> {
    return this.#calls.each<'kernel', never>('kernel', 'kernel', args);
  }
}
