import type { Row } from './recorder.ts';

/** A figure that the project wants from a card. */
export interface Verdict {
  readonly figure: string;
  readonly value: number | undefined;
  readonly wanted: string;
}

const best = (rows: readonly Row[], keep: (row: Row) => boolean, field = 'tflops'): number | undefined => {
  const values = rows.filter((row) => row.verified === true && keep(row)).map((row) => row[field]);
  const numbers = values.filter((value): value is number => typeof value === 'number');
  return numbers.length === 0 ? undefined : Math.max(...numbers);
};

const percent = (value: number | undefined, of: number | undefined): number | undefined =>
  value === undefined || of === undefined ? undefined : (100 * value) / of;

/** Rounded operands make other products: TF32, and float32 from halves. */
const isFull = (row: Row): boolean => row['tf32'] !== true && row['precision'] !== 'split16';

/** The rows in a few figures: only verified rows count. */
export function summarize(rows: readonly Row[]): Verdict[] {
  const at = (dtype: string, shape: string, isOurs: (part: string) => boolean) =>
    best(rows, (row) => row['dtype'] === dtype && row['shape'] === shape && isFull(row) && isOurs(row.part));
  const wgsl = (part: string) => part !== 'torch' && part !== 'cuda';
  const torch = (part: string) => part === 'torch';
  const cuda = (part: string) => part === 'cuda';
  const [n, large] = ['4096×4096×4096', '8192×8192×8192'];
  const share = (dtype: string, shape: string, who: (part: string) => boolean) =>
    percent(at(dtype, shape, who), at(dtype, shape, torch));
  const split16 = best(rows, (row) => row['precision'] === 'split16' && row['shape'] === n);
  const pdot = rows.find((row) => row.part === 'pdot-1' && row['name'] === '4096×4096');
  const chain = rows.find((row) => row.part === 'chain' && row['readbacks'] !== undefined);
  return [
    { figure: 'float32 4096³ in WGSL, TFLOP/s', value: at('float32', n, wgsl), wanted: '' },
    { figure: 'float32 4096³ in WGSL from halves, TFLOP/s', value: split16, wanted: '' },
    { figure: 'float32 4096³ in WGSL, % of PyTorch', value: share('float32', n, wgsl), wanted: '≥ 60' },
    { figure: 'float16 4096³ in WGSL, % of PyTorch', value: share('float16', n, wgsl), wanted: '≥ 25' },
    { figure: 'float16 8192³ in WGSL, % of PyTorch', value: share('float16', large, wgsl), wanted: '≥ 25' },
    { figure: 'float32 4096³ by cuda, % of PyTorch', value: share('float32', n, cuda), wanted: '≥ 95' },
    { figure: 'float16 4096³ by cuda, % of PyTorch', value: share('float16', n, cuda), wanted: '≥ 95' },
    { figure: 'pdot 4096² from client to client, ms', value: numberOf(pdot?.['value']), wanted: '≤ 60' },
    { figure: 'readbacks within gpu.js → product → tfjs', value: numberOf(chain?.['readbacks']), wanted: '0' },
    { figure: 'rows that are wrong', value: wrongRows(rows).length, wanted: '0' },
  ];
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** The rows whose values were compared and found wrong. */
export function wrongRows(rows: readonly Row[]): Row[] {
  return rows.filter((row) => typeof row.verified === 'string');
}

/** The text of kernels/matmul/webgpu/seed.ts with these winners. */
export function seedText(winners: Readonly<Record<string, string>>): string {
  const lines = Object.entries(winners)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, tile]) => `  ${quoted(key)}: ${quoted(tile)},`);
  return `/**
 * Measured tiles that the product ships, by adapter, driver and class of shapes: \`toJSON\` of a tuner that ran on that
 * adapter.
 */
export const SEED: Readonly<Record<string, string>> = {${lines.length === 0 ? '' : `\n${lines.join('\n')}\n`}};
`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
