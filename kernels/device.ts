// The device of this process, where there is one: an engine names its own, so that the kernels' functions need not be
// told which. Elsewhere (in a client, in a script without a cluster) they take `tf` as an option.
import type { TF } from './corners/image.ts';

export interface KernelDevice {
  /** tfjs on the device; loaded at first use. */
  tf(): Promise<TF>;
  /** CPU threads that this process may use, also to decode pictures. */
  readonly threads: number;
}

let current: KernelDevice | undefined;

/** From now on kernels compute there unless told otherwise; undefined: nowhere. */
export function useDevice(device: KernelDevice | undefined): void {
  current = device;
}

/** What this process computes on, if it is an engine. */
export function currentDevice(): KernelDevice | undefined {
  return current;
}

/** @throws TypeError that says what to do, where no device is in use */
export async function deviceTF(what: string): Promise<TF> {
  if (current !== undefined) return current.tf();
  throw new TypeError(
    `${what} computes on an engine's device: engines.map(${what}, …), or ${what}(…, { tf }) with tfjs of your own`,
  );
}
