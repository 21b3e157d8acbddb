// The types of `engine` in user code. They import no part of the engine, because `directview/engine` publishes them.
import type { DeviceReport } from '../../src/protocol/messages/engine-record.ts';
import type { EngineMemory } from '../../src/protocol/methods.ts';
import type { BigTypedArray, TypedArray } from '../../src/tensor/dtype.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import type { CollectiveOptions, RootedOptions } from '../collectives/collective-options.ts';
import type { ReceiveOptions } from '../peers/receive-options.ts';

/** The operands of a reduction of values of type `T`: elements of arrays and tensors, other values as a whole. */
export type Reduced<T> = T extends TypedArray | Tensor ? number : T extends BigTypedArray ? bigint : T;

/** `sum`, `prod`, `min`, `max`, or an associative function: of two elements, or of two values of any other kind. */
export type Reduction<T> = 'sum' | 'prod' | 'min' | 'max' | ((a: Reduced<T>, b: Reduced<T>) => Reduced<T>);

/** One item of a list; other values as a whole. */
export type RankItem<T> = T extends readonly (infer Item)[] ? Item : T;

/** The parts that come from all ranks: a list of items, or the blocks joined. */
export type Exchanged<T> = T extends readonly (infer Item)[] ? Item[] : T;

/**
 * Random numbers of one engine. With `Cluster.start({ seed })` each engine, by its id, gives the same numbers in every run and on
 * every device; engines are independent of each other. A restarted engine begins anew.
 */
export interface EngineRandom {
  /** Uniform, from 0 up to 1 and not 1: 53 bits. */
  (): number;
  /** A number of the standard normal distribution: mean 0, variance 1. */
  normal(): number;
  /** A whole number from 0 to `below` − 1, each as likely. @throws RangeError unless `below` is a whole number over 0 */
  integer(below: number): number;
  /** The seed of the cluster; without one, the number that this run has drawn. */
  readonly seed: number;
}

/**
 * The `engine` of user code: this engine, its peers by rank, and MPI's collectives between running tasks. Every rank that
 * takes part must call the same collectives in the same order.
 */
export interface EngineGlobal {
  /** The engine's id in the cluster, as in `rc.ids`. */
  readonly id: number;
  /** The incarnation: a restarted engine has another one. */
  readonly uuid: string;
  /** The engine's place in the order of ids of the cluster. */
  readonly rank: number;
  /** How many engines the cluster has. */
  readonly size: number;
  /** The name of the host that it runs on. */
  readonly host: string;
  /** The number of the scheduler's job that it runs in, as Slurm's `4711_3`; undefined where it runs in none. */
  readonly job: string | undefined;
  /** The device that the engine computes on, and its libraries. */
  readonly device: DeviceReport;
  /** Bytes by name, on the device, and of the process. */
  memory(): EngineMemory;
  /** Puts a value into the mailbox of the engine with this rank. @throws RangeError, NotSerializableError */
  send(rank: number, tag: string, value: unknown): Promise<void>;
  /** Waits for the next value with this tag from the engine with this rank. @throws PeerError, RangeError */
  recv<T = unknown>(rank: number, tag: string, options?: ReceiveOptions): Promise<T>;
  /** The root's value, everywhere. Other ranks may pass undefined. */
  broadcast<T>(value: T | undefined, options?: RootedOptions): Promise<T>;
  /** Item i of the root's list, on rank i. Other ranks may pass undefined. */
  scatter<T>(values: readonly T[] | undefined, options?: RootedOptions): Promise<T>;
  /** All values in the order of ranks, at the root; undefined elsewhere. */
  gather<T>(value: T, options?: RootedOptions): Promise<T[] | undefined>;
  /** All values in the order of ranks, everywhere. */
  allGather<T>(value: T, options?: CollectiveOptions): Promise<T[]>;
  /** The reduction at the root; undefined elsewhere. @throws TypeError when values do not fit together */
  reduce<T>(value: T, op?: Reduction<T>, options?: RootedOptions): Promise<T | undefined>;
  /**
   * The reduction, everywhere and equal to the last bit. Sums of floats are added in an order that depends on the number of
   * ranks and the size alone (docs/semantics.md, B20).
   * @throws TypeError when values do not fit together
   */
  allReduce<T>(value: T, op?: Reduction<T>, options?: CollectiveOptions): Promise<T>;
  /**
   * Part i of the reduction, on rank i. A list has one item for each rank; a typed array or a Tensor is dealt in blocks along
   * axis 0, as `view.scatter` deals it. @throws TypeError when values do not fit together
   */
  reduceScatter<T>(value: T, op?: Reduction<RankItem<T>>, options?: CollectiveOptions): Promise<RankItem<T>>;
  /**
   * Part j of every rank's value, on rank j, in the order of ranks. A list has one item for each rank, and gives a list. A
   * typed array or a Tensor is dealt in blocks along axis 0, and those that come are joined. @throws TypeError
   */
  allToAll<T extends readonly unknown[] | TypedArray | BigTypedArray | Tensor>(
    values: T,
    options?: CollectiveOptions,
  ): Promise<Exchanged<T>>;
  /** Returns when every rank has called it. */
  barrier(options?: CollectiveOptions): Promise<void>;
  /**
   * Sends data to the client while the task runs: `ar.data`. A promise where the data hold tensors on the device: await
   * it.
   */
  publish(data: Readonly<Record<string, unknown>>): void | Promise<void>;
  /** Random numbers that repeat where the cluster has a seed. `Math.random` is left alone. */
  readonly random: EngineRandom;
  /** tfjs on this engine's device, before any task has mentioned `tf`. @throws ContextError */
  tf(): Promise<unknown>;
  /** gpu.js on this engine's device, before any task has mentioned `gpu`. @throws ContextError */
  gpu(): Promise<unknown>;
}
