// The methods of an engine's task queue. Clients encode arguments by this table (`encodeCall`), and the verbs of engines
// are typed by it. A new method is an entry here, a file in engines/verbs, and a line in engines/verbs/index.ts.
import type { DType } from '../tensor/dtype.ts';
import type { ProductDType } from '../tensor/product-dtype.ts';
import type { Transposes } from '../tensor/product-shape.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TravellingName } from './travelling-names.ts';
import type { ValueLayout } from './values/value-layout.ts';
import type { WireError } from './values/wire-error.ts';

/** The arguments and the value of each method. */
export interface Methods {
  /** Calls a function with arguments. */
  apply: { args: ApplyArguments; value: unknown };
  /** Runs source text as a REPL does. */
  execute: { args: ExecuteArguments; value: ExecuteResult | undefined };
  /** Sets names. */
  push: { args: PushArguments; value: undefined };
  /** Gives the values of names or expressions: one for a name, a list for a list. */
  pull: { args: PullArguments; value: unknown };
  /** Calls a function for each item of sequences. */
  map: { args: MapArguments; value: MapResult };
  /** Samples what the engine computes: during one call of a function, or from a start to a stop. */
  profile: { args: ProfileArguments; value: ProfileValue };
  /** Gives values to names that functions of this client use, and that the engine does not have. */
  provide: { args: ProvideArguments; value: undefined };
  /** Removes names. */
  clear: { args: ClearArguments; value: undefined };
  /** Counts the bytes that the engine holds. */
  memory: { args: MemoryArguments; value: EngineMemory };
  /** Gives kind, dtype and shape of values, without their data. */
  describe: { args: DescribeArguments; value: readonly Description[] };
  /** Multiplies two matrices. The value is undefined where the product stays on the engine. */
  matmul: { args: MatmulArguments; value: Tensor | undefined };
  /** One step of a product whose second operand travels from engine to engine. */
  ring: { args: RingArguments; value: Tensor | undefined };
  /** Creates, calls, shows or destroys gpu.js kernels. The value is undefined unless a call brings its result back. */
  kernel: { args: KernelArguments; value: Tensor | KernelMapValue | string | undefined };
}

/** The name of a method. */
export type Method = keyof Methods;

/** The arguments of a method. */
export type ArgumentsOf<M extends Method> = Methods[M]['args'];

/** The value of a method. */
export type ValueOf<M extends Method> = Methods[M]['value'];

// At run time a header's method is checked by this list: it is complete, or it does not compile.
const NAMES: Readonly<Record<Method, true>> = {
  apply: true,
  execute: true,
  push: true,
  pull: true,
  map: true,
  profile: true,
  provide: true,
  clear: true,
  memory: true,
  describe: true,
  matmul: true,
  ring: true,
  kernel: true,
};

/** The names of all methods. */
export const METHODS = Object.keys(NAMES) as readonly Method[];

/** A function, a reference to one, or a module's export. */
export type FunctionLike = unknown;

/** Arguments of `apply`. */
export interface ApplyArguments {
  readonly fn: FunctionLike;
  readonly args: readonly unknown[];
}

/** Arguments of `execute`. */
export interface ExecuteArguments {
  readonly code: string;
  /** Default true: no value, no count, and a failure aborts nothing. */
  readonly silent?: boolean | undefined;
}

/** One value in the forms that a notebook or a terminal can show: MIME type → text, or bytes of a picture. */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** Value of `execute` with `silent: false`. */
export interface ExecuteResult {
  readonly executionCount: number;
  /** The last statement's value, always with `text/plain`; null when it has none. */
  readonly data: MimeBundle | null;
}

/** Arguments of `push`: `names[i]` (dots allowed) becomes `values[i]`. */
export interface PushArguments {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
}

/** Arguments of `pull`: one name or expression, or a list of them. */
export interface PullArguments {
  readonly names: string | readonly string[];
  /** The layout of the memory that waits for the value of the one name: another value is refused, not sent. */
  readonly wanted?: ValueLayout | undefined;
}

/** Arguments of `map`. */
export interface MapArguments {
  readonly fn: FunctionLike;
  /** The engine's part of every sequence: arrays, strings, typed arrays, tensors; cut to the shortest. */
  readonly sequences: readonly unknown[];
  /** Items under way at once, where the function is asynchronous. Default 1. */
  readonly concurrency?: number | undefined;
}

/** Value of `map`: one per item, undefined where the item failed, and the errors of the items that failed. */
export interface MapResult {
  readonly values: readonly unknown[];
  readonly errors: readonly (readonly [index: number, error: WireError])[];
}

/** Arguments of `profile`. */
export type ProfileArguments =
  | ({ readonly do: 'call' } & ApplyArguments)
  /** From now on, all tasks of all clients. */
  | { readonly do: 'start' }
  | { readonly do: 'stop' };

/** Value of `profile`. */
export interface ProfileValue {
  /** The value of the function. */
  readonly value: unknown;
  /** The profile as JSON, in the form of V8's `.cpuprofile`; empty where none was taken. */
  readonly profile: string;
}

/** Arguments of `provide`. */
export interface ProvideArguments {
  readonly names: readonly TravellingName[];
}

/** Arguments of `clear`; without names, everything that the user has set. */
export interface ClearArguments {
  readonly names?: readonly string[] | undefined;
}

/** Arguments of `memory`: none. */
export type MemoryArguments = Readonly<Record<string, never>>;

/** Arguments of `matmul`. Operands: tensors, nested arrays, typed arrays, or references to resident ones. */
export interface MatmulArguments extends Transposes {
  readonly a: unknown;
  readonly b: unknown;
  /** Both operands are converted to this dtype first. Default: as they are. */
  readonly dtype?: ProductDType | undefined;
  /** Several products: a and b are stacks of matrices, and these are their places in them. The results are stacked. */
  readonly pairs?: readonly (readonly [a: number, b: number])[] | undefined;
  /** The shape of a product that is kept. Default: that of numpy.matmul. */
  readonly kept?: Shape | undefined;
  /** Keep the product on the device under this name. */
  readonly into?: string | undefined;
}

/** Arguments of `describe`. */
export interface DescribeArguments {
  /** References to what the engine holds. */
  readonly values: readonly unknown[];
}

/** A value without its data; `dtype` and `shape` are there for tensors of any kind. */
export interface Description {
  /** For messages: `a number`, `a Tensor`, `undefined`. */
  readonly kind: string;
  readonly dtype?: DType | undefined;
  readonly shape?: Shape | undefined;
}

/** Arguments of `ring`: the steps of one product, all with the same tag. */
export type RingArguments = RingSend | RingMultiply | RingForget;

/** Sends the engine's block of B to the mailboxes of `to`, its own included. */
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
  /** The engines that get the block: their places in the view, and their ids. */
  readonly to: readonly (readonly [place: number, engine: number])[];
  /** The columns that each of them gets, half-open; default: all. */
  readonly slices?: readonly (readonly [lo: number, hi: number])[] | undefined;
  /** The engine's rows of A, for the engines that multiply with them. */
  readonly left?: RingLeft | undefined;
}

/** Rows of A on their way to other engines. */
export interface RingLeft {
  readonly block: unknown;
  readonly dtype: DType;
  /** Columns that the block must have. */
  readonly columns: number;
  readonly to: readonly (readonly [place: number, engine: number])[];
  /** The columns that each of them gets, half-open; default: all. */
  readonly slices?: readonly (readonly [lo: number, hi: number])[] | undefined;
}

/** Takes all blocks of B from the mailbox, puts them together and multiplies. */
export interface RingMultiply {
  readonly step: 'multiply';
  readonly tag: string;
  readonly place: number;
  /** The engine's rows of A. */
  readonly a?: unknown;
  /** The rows of A come from other engines. */
  readonly left?: RingPanel | undefined;
  /** The dtype of the blocks of B. */
  readonly dtype: DType;
  /** Both operands are converted to this dtype before they are multiplied. Default: as they are. */
  readonly product?: ProductDType | undefined;
  /** The shape of the columns of B that the engine needs; in a ring, of all of B. */
  readonly shape: readonly [number, number];
  /** The ids of the engines that own B's blocks, by place. */
  readonly from: readonly number[];
  /** The rows of A arrive as columns, the columns of B as rows. */
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
  /** B comes in other blocks than `shape` and `from` say. */
  readonly right?: RingPanel | undefined;
  /** The shape of a product that is kept. */
  readonly kept?: Shape | undefined;
  readonly into?: string | undefined;
}

/** A matrix that comes in blocks of rows, from these engines in this order. */
export interface RingPanel {
  readonly dtype: DType;
  readonly shape: readonly [number, number];
  readonly from: readonly (readonly [place: number, engine: number])[];
}

/** Drops what a failed product left in the mailbox, and what still arrives for it. */
export interface RingForget {
  readonly step: 'forget';
  readonly tag: string;
}

/** Arguments of `kernel`: a gpu.js kernel is compiled at its first call and kept until it is destroyed. */
export type KernelArguments = KernelCreate | KernelCall | KernelChain | KernelSource | KernelDestroy;

/** The results of a kernel map, by key; the kernel's own is `result`. */
export type KernelMapValue = Readonly<Record<string, Tensor>>;

/** Makes a kernel known to the engine. */
export interface KernelCreate {
  readonly do: 'create';
  /** Unique over all clients. */
  readonly id: string;
  /** `function (a, x) { … }`. */
  readonly source: string;
  readonly settings: KernelSpec;
  /** Functions that it calls and whose values are results too; undefined: one result. */
  readonly parts?: readonly KernelPart[] | undefined;
}

/** A function of a kernel map. */
export interface KernelPart {
  /** The key of its result. */
  readonly key: string;
  readonly source: string;
}

/** A named function that a kernel calls. */
export interface KernelHelper {
  readonly source: string;
  /** By place; null where gpu.js infers the type. */
  readonly argumentTypes?: readonly (string | null)[] | undefined;
  readonly returnType?: string | undefined;
}

/** How a kernel is compiled. Either `output` or `like` is given. */
export interface KernelSpec {
  /** Threads in gpu.js order: [x], [x, y] or [x, y, z]. */
  readonly output?: readonly number[] | undefined;
  /** The place of the argument that the output has the shape of. */
  readonly like?: number | undefined;
  readonly constants?: Readonly<Record<string, unknown>> | undefined;
  /** Types of gpu.js, by constant. */
  readonly constantTypes?: Readonly<Record<string, string>> | undefined;
  /** Named functions that the kernel calls. */
  readonly functions: readonly KernelHelper[];
  readonly loopMaxIterations: number;
  readonly precision?: 'single' | 'unsigned' | undefined;
  readonly tactic?: 'speed' | 'balanced' | 'precision' | undefined;
  readonly strictIntegers?: boolean | undefined;
  /** Types of gpu.js, by place; null where it infers the type. */
  readonly argumentTypes?: readonly (string | null)[] | undefined;
  readonly returnType?: string | undefined;
}

/** Calls a kernel. */
export interface KernelCall {
  readonly do: 'call';
  readonly id: string;
  readonly args: readonly unknown[];
  /** Keep the result on the device under this name. */
  readonly into?: string | undefined;
}

/** An argument in a chain: one of its values, or the result of an earlier step, by place. */
export type KernelLink = { readonly value: number } | { readonly step: number };

/** Calls kernels one after the other; only one result is kept or comes back. */
export interface KernelChain {
  readonly do: 'chain';
  readonly steps: readonly { readonly id: string; readonly args: readonly KernelLink[] }[];
  readonly values: readonly unknown[];
  /** The step whose result is wanted. */
  readonly result: number;
  /** Keep it on the device under this name. */
  readonly into?: string | undefined;
}

/** Asks what gpu.js made of a kernel at its last call. */
export interface KernelSource {
  readonly do: 'source';
  readonly id: string;
}

/** Frees a kernel; calls after it fail. */
export interface KernelDestroy {
  readonly do: 'destroy';
  readonly id: string;
}

/** Value of `memory`: what an engine holds, in bytes. */
export interface EngineMemory {
  /** The size of each name whose size is known, wherever the value is. */
  readonly names: Readonly<Record<string, number>>;
  /** The size on the device of each name: results, and copies of tensors that were used there. */
  readonly resident: Readonly<Record<string, number>>;
  /** Memory of the GPU context; null while it has not been opened. */
  readonly device: { readonly bytes: number; readonly buffers: number } | null;
  /**
   * Bytes that passed between host and device so far, and those copied within host memory on the way; null where the device
   * is the host, or has not been opened.
   */
  readonly moved: { readonly uploaded: number; readonly readBack: number; readonly copied: number } | null;
  /** Values from other engines that nobody has taken yet. */
  readonly mail: number;
  /** Results of tasks that have ended, kept for clients that ask again. */
  readonly results: number;
  /** Resident set of the engine process. */
  readonly rss: number;
}
