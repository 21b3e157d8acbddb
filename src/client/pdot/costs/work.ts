import type { ProductWork } from './costs.ts';

/** A planned product as the cost model sees it. Operands and C are seen as matrices: C [m, n], inner dimension k. */
export interface CostedPlan {
  /** Engines get blocks from each other: all at once along a ring, or along rows and columns of a grid; or from the client alone. */
  readonly kind: 'rows' | 'grid' | 'ring' | 'summa' | 'batch';
  readonly k: number;
  readonly n: number;
  /** Bytes of all of A that come from the client; 0 where it lies on the engines. B is alike. */
  readonly sentA: number;
  readonly sentB: number;
  /** Bytes of an element of A and of B. */
  readonly sizes: readonly [a: number, b: number];
  /** Engines of the view, and columns of blocks. */
  readonly engines: number;
  readonly across: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Rows and columns of the block of each engine that multiplies. */
  readonly blocks: readonly (readonly [rows: number, columns: number])[];
  /** Bytes each way, of all engines together. */
  readonly traffic: { readonly toEngines: number; readonly betweenEngines: number; readonly toClient: number };
}

/** The work of a plan as the cost model counts it. */
export function workOf(planned: CostedPlan): ProductWork {
  const { k, blocks, traffic, sentA, sentB } = planned;
  const once = Math.min(traffic.toEngines, sentA + sentB);
  return {
    rounds: passesOn(planned) ? 2 : 1,
    engines: blocks.length,
    once,
    again: traffic.toEngines - once,
    first: Math.min(once, mostSent(planned)),
    between: blocks.length === 0 ? 0 : traffic.betweenEngines / blocks.length,
    mail: messages(planned),
    toClient: traffic.toClient,
    copied: copiedThere(planned),
    copiedHere: copiedHere(planned),
    touched: touched(planned),
    flops: 2 * k * most(planned, (rows, columns) => rows * columns),
  };
}

/** Engines pass blocks of B on to each other. */
function passesOn({ kind }: CostedPlan): boolean {
  return kind === 'ring' || kind === 'summa';
}

function most({ blocks }: CostedPlan, of: (rows: number, columns: number) => number): number {
  return blocks.reduce((largest, [rows, columns]) => Math.max(largest, of(rows, columns)), 0);
}

/** Bytes of the operands of a block. */
function panels({ k, sizes }: CostedPlan, rows: number, columns: number): number {
  return k * (rows * sizes[0] + columns * sizes[1]);
}

/** Messages that an engine gets from others: B from all of them, or along a column of the grid; A along a row, or from all. */
function messages({ kind, engines, across, transposeA, transposeB }: CostedPlan): number {
  if (kind === 'ring') return engines - 1;
  if (kind !== 'summa') return 0;
  const down = Math.floor(engines / across);
  return (transposeB ? down - 1 : engines - 1) + (transposeA ? engines - 1 : across - 1);
}

/** Bytes of operands that lie on the engines, or come from others. */
function touched(planned: CostedPlan): number {
  const { kind, k, sizes, sentA, sentB } = planned;
  const [ofA, ofB] = [sentA === 0 || kind === 'summa', sentB === 0 || passesOn(planned)];
  return most(planned, (rows, columns) => k * ((ofA ? rows * sizes[0] : 0) + (ofB ? columns * sizes[1] : 0)));
}

/** Bytes from the client to the engine that gets most. Where engines pass B on, each gets a part of it; in a grid of A, too. */
function mostSent(planned: CostedPlan): number {
  const { kind, engines, across, sentA, sentB, k, sizes } = planned;
  const ofA = sentA === 0 ? 0 : (most(planned, (rows) => rows) * k * sizes[0]) / (kind === 'summa' ? across : 1);
  const ofB =
    sentB === 0 || passesOn(planned) ? sentB / engines : most(planned, (_, columns) => columns) * k * sizes[1];
  return ofA + ofB;
}

/** The client cuts columns out of B for a grid, and puts blocks of C with several columns together. */
function copiedHere({ kind, across, transposeB, sentB, traffic }: CostedPlan): number {
  if (across === 1) return 0;
  return traffic.toClient + (kind === 'grid' && !transposeB ? sentB : 0);
}

/** Engines put panels together from the blocks that came; in a grid they cut columns out of their rows of B first. */
function copiedThere(planned: CostedPlan): number {
  const { kind, k, n, sizes, engines, across, transposeB } = planned;
  const wholeB = k * n * sizes[1];
  if (kind === 'ring') return wholeB;
  if (kind !== 'summa') return 0;
  const cut = across === 1 || transposeB ? 0 : wholeB / engines;
  return cut + most(planned, (rows, columns) => panels(planned, rows, columns));
}
