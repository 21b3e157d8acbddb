import type { KernelCall, KernelChain, KernelCreate, KernelLink, KernelMapValue } from '../../src/protocol/methods.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../contexts/context.ts';
import type { Identity } from '../identity.ts';
import type { DeviceState } from './device-state.ts';
import { constantsOf } from './kernel-settings.ts';
import { type Borrowed, borrowing, deliver } from './operands.ts';
import { UserKernel } from './user-kernel.ts';

/** The gpu.js kernels of `view.kernel`, `kernelMap` and `combineKernels` on this engine, by id. */
export class UserKernels {
  readonly #identity: Identity;
  readonly #kernels = new Map<string, UserKernel>();

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** Constants are read now, so the names that they came from may change later. */
  async create({ id, source, settings, parts }: KernelCreate): Promise<void> {
    const constants = await constantsOf(settings);
    this.#kernels.set(id, new UserKernel(source, { ...settings, constants }, parts));
  }

  /**
   * The result, a float32 tensor of the kernel's output with rows first, or one per result of a kernel map; undefined
   * where `into` keeps it on the device.
   * @throws TypeError when there is no such kernel here; KernelError with the source; ContextError
   */
  async call({ id, args, into }: KernelCall, state: DeviceState): Promise<Tensor | KernelMapValue | undefined> {
    const kernel = this.#known(id);
    return deliver(await borrowing(state, (borrowed) => kernel.run(args, state, borrowed)), into, state);
  }

  /** The result of one step of a chain, as in `call`; those of the others are freed. */
  async chain({ steps, values, result, into }: KernelChain, state: DeviceState): Promise<Tensor | undefined> {
    const made: DeviceTensor[] = [];
    try {
      await borrowing(state, async (borrowed) => {
        for (const { id, args } of steps) made.push(await this.#step(id, linked(args, values, made), state, borrowed));
      });
      const [wanted] = made.splice(result, 1);
      return (await deliver(wanted as DeviceTensor, into, state)) as Tensor | undefined;
    } finally {
      for (const tensor of made) tensor.free();
    }
  }

  /** The text that gpu.js made of the kernel at its last call. @throws TypeError before its first call */
  source(id: string): string {
    return this.#known(id).source();
  }

  destroy(id: string): void {
    this.#kernels.get(id)?.destroy();
    this.#kernels.delete(id);
  }

  // Steps are kernels with one result: the client sees to that.
  #step(id: string, args: readonly unknown[], state: DeviceState, borrowed: Borrowed): Promise<DeviceTensor> {
    return this.#known(id).run(args, state, borrowed) as Promise<DeviceTensor>;
  }

  #known(id: string): UserKernel {
    const kernel = this.#kernels.get(id);
    if (kernel !== undefined) return kernel;
    throw new TypeError(`${this.#identity.name} has no such kernel: it was destroyed, or the engine is newer`);
  }
}

function linked(
  args: readonly KernelLink[],
  values: readonly unknown[],
  made: readonly DeviceTensor[],
): readonly unknown[] {
  return args.map((link) => ('step' in link ? made[link.step] : values[link.value]));
}
