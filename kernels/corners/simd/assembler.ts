// The few WebAssembly instructions that kernels on the host are made of. Each function gives the bytes of an expression or of
// a statement (WebAssembly Core Specification 2.0, section 5).

/** Bytes of code. */
export type Code = readonly number[];

/** The type of a parameter or a local variable. */
export type ValueType = 'i32' | 'f32' | 'v128';

/** A function to export. */
export interface WasmFunction {
  readonly name: string;
  readonly params: readonly ValueType[];
  /** Local variables. They are numbered behind the parameters. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const VOID = 0x40;
const END = 0x0b;

/** Unsigned LEB128. */
function unsigned(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...unsigned(n >>> 7)];
}

/** Signed LEB128. */
function signed(n: number): number[] {
  const [low, rest] = [n & 0x7f, n >> 7];
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

const simd = (opcode: number) => [0xfd, ...unsigned(opcode)];
const binary = (opcode: Code) => (a: Code, b: Code) => [...a, ...b, ...opcode];
/** The place in memory of an access: not aligned, `offset` bytes behind the address. */
const place = (offset: number) => [0, ...unsigned(offset)];

/** The value of a local variable or a parameter. */
export const get = (index: number): Code => [0x20, ...unsigned(index)];
/** Sets a local variable or a parameter. */
export const set = (index: number, value: Code): Code => [...value, 0x21, ...unsigned(index)];
/** A whole number. */
export const constant = (n: number): Code => [0x41, ...signed(n)];
/** The sum of two whole numbers. */
export const plus = binary([0x6a]);
/** True if a < b, for unsigned whole numbers. */
export const below = binary([0x49]);
/** The whole number at an address. */
export const word = (address: Code, offset = 0): Code => [...address, 0x28, ...place(offset)];
/** Four floats at an address. */
export const load = (address: Code, offset = 0): Code => [...address, ...simd(0), ...place(offset)];
/** The float at an address, four times. */
export const loadSplat = (address: Code): Code => [...address, ...simd(9), ...place(0)];
/** Stores four floats. */
export const store = (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  ...simd(11),
  ...place(offset),
];
/** A float, four times. */
export const splat = (value: Code): Code => [...value, ...simd(19)];
/** The sums of four pairs of floats. */
export const add = binary(simd(228));
/** The differences of four pairs of floats. */
export const sub = binary(simd(229));
/** The products of four pairs of floats. */
export const mul = binary(simd(230));
/** The quotients of four pairs of floats. */
export const div = binary(simd(231));
/** The greater ones of four pairs of floats. */
export const max = binary(simd(233));
/** The square roots of four floats. */
export const sqrt = (value: Code): Code => [...value, ...simd(227)];
/** Runs the statements once, and again as long as the condition holds. */
export const repeat = (statements: readonly Code[], whileTrue: Code): Code => [
  ...[0x03, VOID],
  ...statements.flat(),
  ...[...whileTrue, 0x0d, 0],
  END,
];

const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes];
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(list(items))];
const text = (name: string): Code => sized([...Buffer.from(name)]);

/** A memory that functions and JavaScript share. */
export interface WasmMemory {
  /** Another one after it has grown. */
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB. */
  grow(pages: number): number;
}

/** A function that has been compiled: its arguments are numbers. */
export type Compiled = (...args: readonly number[]) => void;

/** The part of the global of that name which is used here. Node's types lack it. */
interface WebAssemblyGlobal {
  readonly Memory: new (size: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly host: { readonly memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, Compiled>> };
}

const wasm: WebAssemblyGlobal = Reflect.get(globalThis, 'WebAssembly');

/** A memory of one page. */
export function newMemory(): WasmMemory {
  return new wasm.Memory({ initial: 1 });
}

/** Compiles functions without results, which work on the memory. */
export function compile(functions: readonly WasmFunction[], memory: WasmMemory): Readonly<Record<string, Compiled>> {
  const types = functions.map(({ params }) => [0x60, ...list(params.map((type) => [TYPES[type]])), 0]);
  const codes = functions.map(({ locals, body }) => {
    return sized([...list(locals.map((type) => [1, TYPES[type]])), ...body, END]);
  });
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, [[...text('host'), ...text('memory'), 2, 0, 1]]),
    ...section(
      3,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(
      7,
      functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]),
    ),
    ...section(10, codes),
  ];
  return new wasm.Instance(new wasm.Module(Uint8Array.from(bytes)), { host: { memory } }).exports;
}
