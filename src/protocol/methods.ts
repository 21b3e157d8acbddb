// The body of each task, by method: what the client encodes and the engine's verb reads, and what comes back.
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/tensor.ts';
import type { EngineId } from './messages.ts';
import type { WireError } from './values/wire-error.ts';

/** A function, a reference to one, or a module's export. */
export type FunctionLike = unknown;

export interface ApplyArguments {
  readonly fn: FunctionLike;
  readonly args: readonly unknown[];
}

export interface ExecuteArguments {
  readonly code: string;
  /** Default true: no value, no count, and a failure aborts nothing. */
  readonly silent?: boolean;
}

/** Reply of `execute` with `silent: false`; null when the last statement has no value. */
export interface ExecuteResult {
  readonly executionCount: number;
  /** MIME type → text or bytes; always has `text/plain`. */
  readonly data: Readonly<Record<string, unknown>> | null;
}

/** `names[i]` (dots allowed) becomes `values[i]`. */
export interface PushArguments {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
}

/** One name or expression gives its value; a list gives a list. */
export interface PullArguments {
  readonly names: string | readonly string[];
}

export interface MapArguments {
  readonly fn: FunctionLike;
  /** The engine's part of every sequence: arrays, strings, typed arrays, tensors; cut to the shortest. */
  readonly sequences: readonly unknown[];
  /** Items under way at once, where the function is asynchronous. Default 1. */
  readonly concurrency?: number;
}

/** A value per item, undefined where the item failed, and the errors of the items that failed. */
export interface MapResult {
  readonly values: readonly unknown[];
  readonly errors: readonly (readonly [index: number, error: WireError])[];
}

/** No names: everything that the user has set. */
export interface ClearArguments {
  readonly names?: readonly string[];
}

/** Operands: tensors, nested arrays, typed arrays, or references to resident ones. */
export interface MatmulArguments {
  readonly a: unknown;
  readonly b: unknown;
  /** Keep the product on the device under this name; the reply is then undefined. */
  readonly into?: string;
}

/** What values are, without sending them: references to what the engine holds. */
export interface DescribeArguments {
  readonly values: readonly unknown[];
}

/** `dtype` and `shape` are there for tensors of any kind. */
export interface Description {
  /** For messages: `a number`, `a Tensor`, `undefined`. */
  readonly kind: string;
  readonly dtype?: DType;
  readonly shape?: Shape;
}

/**
 * A ring product in steps. `send`: the engine's block of B goes to the mailboxes of `to` (places in the view and engines),
 * its own included. `multiply`: all blocks are taken from the mailbox, put together and multiplied. `forget`: drops what a
 * failed ring left in the mailbox, also what still comes.
 */
export type RingArguments = RingSend | RingMultiply | RingForget;

export interface RingSend {
  readonly step: 'send';
  /** Unique for this product. */
  readonly tag: string;
  /** This engine's place in the view. */
  readonly place: number;
  readonly block: unknown;
  readonly dtype: DType;
  /** Columns that the block must have. */
  readonly columns: number;
  readonly to: readonly (readonly [place: number, engine: EngineId])[];
}

export interface RingMultiply {
  readonly step: 'multiply';
  readonly tag: string;
  readonly place: number;
  readonly a: unknown;
  readonly dtype: DType;
  /** Of the whole B. */
  readonly shape: readonly [number, number];
  /** The owners of B's blocks, by place. */
  readonly from: readonly EngineId[];
  readonly into?: string;
}

export interface RingForget {
  readonly step: 'forget';
  readonly tag: string;
}

/** A gpu.js kernel on the engine: compiled at its first call, kept until destroyed. */
export type KernelArguments = KernelCreate | KernelCall | KernelDestroy;

export interface KernelCreate {
  readonly do: 'create';
  /** Unique over all clients. */
  readonly id: string;
  /** `function (a, x) { … }`. */
  readonly source: string;
  readonly settings: KernelSpec;
}

export interface KernelSpec {
  /** gpu.js order: [x, y, z]. One of `output` and `like` is there. */
  readonly output?: readonly number[];
  /** The place of the argument that the output has the shape of. */
  readonly like?: number;
  readonly constants?: Readonly<Record<string, unknown>>;
  /** Sources of named functions that the kernel calls. */
  readonly functions?: readonly string[];
  readonly loopMaxIterations: number;
}

export interface KernelCall {
  readonly do: 'call';
  readonly id: string;
  readonly args: readonly unknown[];
  /** Keep the result on the device under this name; the reply is then undefined. */
  readonly into?: string;
}

export interface KernelDestroy {
  readonly do: 'destroy';
  readonly id: string;
}

/** Reply of `memory`: what an engine holds, in bytes. */
export interface EngineMemory {
  /** By name, of the names whose size is known, wherever the value is. */
  readonly names: Readonly<Record<string, number>>;
  /** By name, of what is on the device: results, and copies of tensors that were used there. */
  readonly resident: Readonly<Record<string, number>>;
  /** Of the GPU context; null while it has not been opened. */
  readonly device: { readonly bytes: number; readonly buffers: number } | null;
  /** Values from other engines that nobody has taken yet. */
  readonly mail: number;
  /** Resident set of the engine process. */
  readonly rss: number;
}
