// The steps of a corner response that work on whole rows, four pixels at a time. Addresses are bytes in the memory.
import {
  add,
  below,
  type Code,
  type Compiled,
  compile,
  constant,
  div,
  get,
  load,
  loadSplat,
  max,
  mul,
  plus,
  repeat,
  set,
  splat,
  sqrt,
  store,
  sub,
  type WasmFunction,
  type WasmMemory,
  word,
} from './assembler.ts';

/** Floats of a row are a multiple of this number, so that no kernel has a rest. */
export const ROW_MULTIPLE = 16;
/** Bytes of a float, and of four. */
const FLOAT = 4;
const VECTOR = 16;

/** The ways to make a response of the smoothed products. */
export type RespondName = 'respondK' | 'respondEps' | 'respondShiTomasi';

/** The kernels. */
export interface RowKernels {
  /**
   * The products of Sobel's gradients of one row: down², down·across and across², `plane` bytes apart. The three rows of the
   * picture are named by the address of the pixel in front of their first.
   */
  products(above: number, row: number, under: number, to: number, end: number, plane: number): void;
  /** A symmetric filter along a row: `taps` holds the centre's and the others outward, up to `lastTap`. */
  across(from: number, to: number, end: number, taps: number, lastTap: number): void;
  /** Keeps the greater one of each pair in `to`. */
  greater(from: number, to: number, end: number): void;
  /** A symmetric filter down the three products, and the response. */
  readonly respond: Readonly<Record<RespondName, Respond>>;
}

/**
 * @param table the addresses of rows: the centre, the one above and the one below it, the next above, the next below, …
 * @param factor k, or eps
 */
export type Respond = (
  table: number,
  taps: number,
  lastTap: number,
  to: number,
  end: number,
  plane: number,
  factor: number,
) => void;

const advance = (local: number, bytes: number) => set(local, plus(get(local), constant(bytes)));
const twice = (value: Code) => add(value, value);

function products(): WasmFunction {
  const [above, row, under, to, end, plane, down, across, at] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const left = (p: number) => load(get(p));
  const centre = (p: number) => load(get(p), FLOAT);
  const right = (p: number) => load(get(p), 2 * FLOAT);
  const smooth = (p: number) => add(add(left(p), right(p)), twice(centre(p)));
  const difference = (p: number) => sub(right(p), left(p));
  const step = [
    set(down, sub(smooth(under), smooth(above))),
    set(across, add(add(difference(above), difference(under)), twice(difference(row)))),
    store(get(to), mul(get(down), get(down))),
    set(at, plus(get(to), get(plane))),
    store(get(at), mul(get(down), get(across))),
    store(plus(get(at), get(plane)), mul(get(across), get(across))),
    ...[above, row, under, to].map((pointer) => advance(pointer, VECTOR)),
  ];
  return {
    name: 'products',
    params: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['v128', 'v128', 'i32'],
    body: repeat(step, below(get(to), get(end))),
  };
}

function across(): WasmFunction {
  const [from, to, end, taps, lastTap, left, right, at, tap] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const sums = [9, 10, 11, 12];
  const outward = [
    advance(left, -FLOAT),
    advance(right, FLOAT),
    advance(at, FLOAT),
    set(tap, loadSplat(get(at))),
    ...sums.map((sum, i) => {
      const pair = add(load(get(left), i * VECTOR), load(get(right), i * VECTOR));
      return set(sum, add(get(sum), mul(pair, get(tap))));
    }),
  ];
  const step = [
    set(tap, loadSplat(get(taps))),
    ...sums.map((sum, i) => set(sum, mul(load(get(from), i * VECTOR), get(tap)))),
    set(left, get(from)),
    set(right, get(from)),
    set(at, get(taps)),
    repeat(outward, below(get(at), get(lastTap))),
    ...sums.map((sum, i) => store(get(to), get(sum), i * VECTOR)),
    advance(from, sums.length * VECTOR),
    advance(to, sums.length * VECTOR),
  ];
  return {
    name: 'across',
    params: ['i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'v128', 'v128', 'v128', 'v128', 'v128'],
    body: repeat(step, below(get(to), get(end))),
  };
}

function greater(): WasmFunction {
  const [from, to, end] = [0, 1, 2];
  const step = [store(get(to), max(load(get(from)), load(get(to)))), advance(from, VECTOR), advance(to, VECTOR)];
  return {
    name: 'greater',
    params: ['i32', 'i32', 'i32'],
    locals: [],
    body: repeat(step, below(get(to), get(end))),
  };
}

/** The response of the sums of down², down·across and across². */
type Rule = (rr: Code, rc: Code, cc: Code, factor: Code) => Code;

const determinant = (rr: Code, rc: Code, cc: Code) => sub(mul(rr, cc), mul(rc, rc));
const RULES: Readonly<Record<RespondName, Rule>> = {
  respondK: (rr, rc, cc, k) => sub(determinant(rr, rc, cc), mul(k, mul(add(rr, cc), add(rr, cc)))),
  respondEps: (rr, rc, cc, eps) => div(twice(determinant(rr, rc, cc)), add(add(rr, cc), eps)),
  respondShiTomasi: (rr, rc, cc, half) => {
    const apart = sub(rr, cc);
    const spread = sqrt(add(mul(apart, apart), mul(twice(rc), twice(rc))));
    return mul(half, sub(add(rr, cc), spread));
  },
};

function respond(name: RespondName): WasmFunction {
  const [table, taps, lastTap, to, end, plane, factor] = [0, 1, 2, 3, 4, 5, 6];
  const [x, at, row, up, down, tap] = [7, 8, 9, 10, 11, 12];
  // For each product two vectors of sums.
  const sums = [
    [13, 14],
    [15, 16],
    [17, 18],
  ] as const;
  const [rr, rc, cc] = sums;
  const nextPlane = (pointer: number) => set(pointer, plus(get(pointer), get(plane)));
  const outward = [
    advance(at, FLOAT),
    set(tap, loadSplat(get(at))),
    set(up, plus(word(get(row)), get(x))),
    set(down, plus(word(get(row), FLOAT), get(x))),
    advance(row, 2 * FLOAT),
    ...sums.flatMap((pair) => [
      ...pair.map((sum, i) => {
        const both = add(load(get(up), i * VECTOR), load(get(down), i * VECTOR));
        return set(sum, add(get(sum), mul(both, get(tap))));
      }),
      nextPlane(up),
      nextPlane(down),
    ]),
  ];
  const step = [
    set(tap, loadSplat(get(taps))),
    set(up, plus(word(get(table)), get(x))),
    ...sums.flatMap((pair) => [
      ...pair.map((sum, i) => set(sum, mul(load(get(up), i * VECTOR), get(tap)))),
      nextPlane(up),
    ]),
    set(at, get(taps)),
    set(row, plus(get(table), constant(FLOAT))),
    repeat(outward, below(get(at), get(lastTap))),
    ...[0, 1].map((i) => {
      const value = RULES[name](get(rr[i as 0]), get(rc[i as 0]), get(cc[i as 0]), splat(get(factor)));
      return store(get(to), value, i * VECTOR);
    }),
    advance(x, 2 * VECTOR),
    advance(to, 2 * VECTOR),
  ];
  return {
    name,
    params: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f32'],
    locals: [...new Array<'i32'>(5).fill('i32'), ...new Array<'v128'>(7).fill('v128')],
    body: repeat(step, below(get(to), get(end))),
  };
}

/** Compiles the kernels for a memory. */
export function compileRowKernels(memory: WasmMemory): RowKernels {
  const names = Object.keys(RULES) as RespondName[];
  const compiled = compile([products(), across(), greater(), ...names.map(respond)], memory);
  const kernel = (name: string) => compiled[name] as Compiled;
  return {
    products: kernel('products'),
    across: kernel('across'),
    greater: kernel('greater'),
    respond: {
      respondK: kernel('respondK'),
      respondEps: kernel('respondEps'),
      respondShiTomasi: kernel('respondShiTomasi'),
    },
  };
}
