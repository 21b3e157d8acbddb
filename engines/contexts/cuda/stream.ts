import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { ContextError } from '../../../src/errors.ts';
import { type DriverApi, type DriverFunction, STATUS } from './driver/driver-api.ts';
import { type CArgument, outHandle } from './driver/native.ts';

/** Polls without a pause between them, after which each waits a millisecond: a core that spins is taken from others. */
const FAST_POLLS = 200;
/** CU_STREAM_NON_BLOCKING: nobody else's work on the card holds ours up. */
const NON_BLOCKING = 1;
/** Statuses after which the card answers nothing any more: an illegal address, a failed launch, a hung kernel. */
const LOST = (status: number): boolean =>
  status === 4 || status === 201 || (status >= 700 && status < 800) || status === 999;

/** Arguments of a kernel: device addresses and 64-bit integers as bigints, 32-bit integers as numbers. */
export type LaunchArgument = bigint | number;

/** A kernel's launch. */
export interface Launch {
  readonly kernel: bigint;
  readonly blocks: number;
  readonly threads: number;
  readonly args: readonly LaunchArgument[];
}

/**
 * One stream of a card's context: everything that is submitted to it is done in its order. Each status is checked, and
 * some mean that the card is lost. Calls come from the main thread, where the context is current.
 */
export class CudaStream {
  readonly api: DriverApi;
  readonly handle: bigint;
  /** The reason why the card answers nothing any more. */
  lost: string | undefined;
  #isClosed = false;

  /** @throws ContextError when the driver refuses */
  constructor(api: DriverApi) {
    this.api = api;
    const out = outHandle();
    this.check('cuStreamCreate', out, NON_BLOCKING);
    this.handle = out[0] as bigint;
  }

  /** @throws ContextError in the driver's words, unless the status is "ok" */
  check(name: DriverFunction, ...args: readonly CArgument[]): void {
    const status = this.api.call(name, ...args);
    if (status === STATUS.ok) return;
    throw this.failed(name, status);
  }

  /** The error for a status; the card is lost after some. */
  failed(name: string, status: number): ContextError {
    const text = this.api.textOf(status);
    if (LOST(status)) this.lost ??= `${name}: ${text}`;
    if (status === STATUS.outOfMemory) {
      return new ContextError('the device is out of memory; free tensors or use more engines');
    }
    return new ContextError(`${name} failed: ${text}`);
  }

  /** @throws ContextError when the card is lost, or closed */
  assertAlive(): void {
    if (this.#isClosed) throw new ContextError('the cuda context is closed');
    if (this.lost === undefined) return;
    throw new ContextError(`the card was lost (${this.lost}): its tensors are gone, and this engine needs a restart`);
  }

  /** Submits a kernel. Its arguments are read during the call. */
  launch({ kernel, blocks, threads, args }: Launch): void {
    const { koffi } = this.api.library;
    const values = args.map((value) => (typeof value === 'bigint' ? BigUint64Array.of(value) : Int32Array.of(value)));
    const pointers = BigUint64Array.from(values, (value) => koffi.address(value));
    this.check('cuLaunchKernel', kernel, blocks, 1, 1, threads, 1, 1, 0, this.handle, pointers, null);
  }

  /** Resolves when the card has done all that was submitted before. @throws ContextError when it failed */
  async wait(): Promise<void> {
    for (let polls = 0; ; polls++) {
      this.assertAlive();
      const status = this.api.call('cuStreamQuery', this.handle);
      if (status === STATUS.ok) return;
      if (status !== STATUS.notReady) throw this.failed('cuStreamQuery', status);
      await (polls < FAST_POLLS ? turn() : sleep(1));
    }
  }

  /** Milliseconds on the card of the work that `submit` submits. */
  async time(submit: () => void): Promise<number> {
    const events = [this.event(), this.event()] as const;
    try {
      this.check('cuEventRecord', events[0], this.handle);
      submit();
      this.check('cuEventRecord', events[1], this.handle);
      await this.wait();
      const ms = new Float32Array(1);
      this.check('cuEventElapsedTime', ms, ...events);
      return ms[0] as number;
    } finally {
      for (const event of events) this.api.call('cuEventDestroy_v2', event);
    }
  }

  /** A new event, with times. */
  event(): bigint {
    const out = outHandle();
    this.check('cuEventCreate', out, 0);
    return out[0] as bigint;
  }

  /** Later uses fail. Statuses do not matter any more. */
  close(): void {
    this.#isClosed = true;
    this.api.call('cuStreamDestroy_v2', this.handle);
  }
}
