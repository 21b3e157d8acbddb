// The body of each task, by method: what the client encodes and the engine's verb reads, and what comes back.
import type { WireError } from './wire-error.ts';

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
  readonly mode: 'items';
}

/** `values[i]` is undefined where item i failed. */
export interface MapResult {
  readonly values: readonly unknown[];
  readonly errors: readonly (readonly [number, WireError])[];
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
