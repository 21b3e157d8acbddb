// Benchmark of matmul. It checks every provider that this machine can open against the reference. Then it times the
// kernel by the GPU's clock, products of resident operands, and products from host to host, and counts the bytes that these
// move. One table has every context (webgpu, cuda, tensorflow, …), the kernels of gpu.js and tfjs on each, the CPU's
// libraries by themselves (openblas, onnx), and Python's: NumPy, PyTorch on the CPU and on the card.
//   node dist/bench/matmul.js [--sizes 256,512,1024x64x1024] [--providers webgpu,wasm] [--dtype float32] [--seconds 20]
//                             [--json FILE] [--conformance] [--resident]
// --resident: kernels and resident operands only, without products from host to host.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { MovedBytes } from '../engines/contexts/context.ts';
import { runConformance } from '../kernels/matmul/conformance.ts';
import type { ProductDType } from '../kernels/matmul/product.ts';
import { difference, sampledDifference } from '../kernels/matmul/product-check.ts';
import { generator } from '../kernels/matmul/random.ts';
import { codecOf } from '../src/tensor/floats/stored-bits.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import type { PythonLibrary } from './support/beside/python-products.ts';
import { type Contender, type MatmulSizes, openContenders, sizesOf } from './support/matmul-cases.ts';
import { sendRow } from './support/rows.ts';

/** One measured product. */
export interface Row {
  readonly provider: string;
  readonly adapter: string;
  readonly shape: MatmulSizes;
  /** GFLOP/s; undefined where there is no such measurement. */
  readonly kernel?: number;
  readonly resident?: number;
  readonly endToEnd?: number;
  /** Bytes that one product from host to host moved, as the context counts them. */
  readonly moved?: MovedBytes;
  /** The fault of the product, or the reason why it was not timed. */
  readonly note?: string;
}

const DEFAULT_SIZES = '256,512,1024,2048,4096,4096x64x4096,64x4096x64,1000x777x333';
/** Products of more multiplications than this are checked in some rows and columns. */
const CHECKED_IN_FULL = 256 ** 3;
const SAMPLES = 4;
const REPEATS = 5;
/** Products that a library of Python computes for one row. */
const PYTHON_RUNS = 12;

function options() {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: DEFAULT_SIZES },
      providers: { type: 'string', default: '' },
      dtype: { type: 'string', default: 'float32' },
      seconds: { type: 'string', default: '20' },
      json: { type: 'string' },
      conformance: { type: 'boolean', default: false },
      resident: { type: 'boolean', default: false },
    },
  });
  const sizes = sizesOf(values.sizes);
  const providers = values.providers.split(',').filter((name) => name !== '');
  const onlyResident = values.resident;
  const budgetMs = Number(values.seconds) * 1000;
  return { ...values, dtype: values.dtype as ProductDType, sizes, providers, onlyResident, budgetMs };
}

function random(dtype: ProductDType, rows: number, columns: number, seed: number): Tensor {
  const next = generator(seed);
  const { encode = Number } = codecOf(dtype) ?? {};
  const out = new Tensor(dtype, [rows, columns]);
  for (let i = 0; i < out.size; i++) {
    const value = next() * 2 - 1;
    out.data[i] = dtype === 'int32' ? Math.round(value * 1000) : encode(value);
  }
  return out;
}

const flops = ([m, k, n]: MatmulSizes): number => 2 * m * k * n;
const rate = (shape: MatmulSizes, ms: number): number => flops(shape) / ms / 1e6;

/** @throws Error for 0, NaN and infinite times: such a product was never computed */
function rateOf({ name }: Contender, shape: MatmulSizes, ms: number): number {
  if (ms > 0 && Number.isFinite(ms)) return rate(shape, ms);
  throw new Error(`${name}: ${shape.join('×')} took ${ms} ms`);
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/** Milliseconds of the best of a few runs after a warm-up; of fewer runs if they are long. */
async function best(run: () => Promise<unknown>): Promise<number> {
  const first = await timed(run);
  let ms = await timed(run);
  for (let i = 2; i < (first > 1000 ? 2 : REPEATS); i++) ms = Math.min(ms, await timed(run));
  return ms;
}

function movedSince(before: MovedBytes | undefined, after: MovedBytes | undefined): MovedBytes | undefined {
  if (before === undefined || after === undefined) return undefined;
  return {
    uploaded: after.uploaded - before.uploaded,
    readBack: after.readBack - before.readBack,
    copied: after.copied - before.copied,
  };
}

class Bench {
  readonly #budgetMs: number;
  readonly #dtype: ProductDType;
  readonly #onlyResident: boolean;
  /** Milliseconds per floating-point operation for the last shape, by provider: shapes that would take too long are skipped. */
  readonly #pace = new Map<string, number>();

  constructor({
    dtype,
    budgetMs,
    onlyResident,
  }: Pick<ReturnType<typeof options>, 'dtype' | 'budgetMs' | 'onlyResident'>) {
    this.#dtype = dtype;
    this.#onlyResident = onlyResident;
    this.#budgetMs = budgetMs;
  }

  async row(contender: Contender, shape: MatmulSizes): Promise<Row> {
    const { name: provider, adapter } = contender;
    const expected = (this.#pace.get(provider) ?? 0) * flops(shape) * 4;
    if (expected > this.#budgetMs) return { provider, adapter, shape, note: 'beyond the time budget' };
    const [m, k, n] = shape;
    const [a, b] = [random(this.#dtype, m, k, 1), random(this.#dtype, k, n, 2)];
    const wrong = await this.#check(contender, a, b);
    if (wrong !== undefined) return { provider, adapter, shape, note: `WRONG: ${wrong}` };
    try {
      return { provider, adapter, shape, ...(await this.#measure(contender, a, b, shape)) };
    } catch (error) {
      return { provider, adapter, shape, note: `WRONG: ${(error as Error).message || String(error)}` };
    }
  }

  /** A row of a library that multiplies in a process of its own. */
  async python({ name: provider, adapter, measure }: PythonLibrary, shape: MatmulSizes): Promise<Row> {
    const base = { provider, adapter, shape };
    const expected = (this.#pace.get(provider) ?? 0) * flops(shape) * PYTHON_RUNS;
    if (expected > this.#budgetMs) return { ...base, note: 'beyond the time budget' };
    try {
      const { residentMs, wholeMs, fault } = await measure(shape, this.#dtype);
      if (fault !== undefined) return { ...base, note: `WRONG: ${fault}` };
      this.#pace.set(provider, wholeMs / flops(shape));
      const whole = this.#onlyResident ? {} : { endToEnd: rate(shape, wholeMs) };
      return { ...base, resident: rate(shape, residentMs), ...whole };
    } catch (error) {
      return { ...base, note: (error as Error).message };
    }
  }

  async #check(contender: Contender, a: Tensor, b: Tensor): Promise<string | undefined> {
    const c = await contender.multiply(a, b);
    const [m, k, n] = [a.shape[0] as number, a.shape[1] as number, b.shape[1] as number];
    if (m * k * n <= CHECKED_IN_FULL) return difference(c, a, b);
    return sampledDifference(c, a, b, SAMPLES);
  }

  async #measure(contender: Contender, a: Tensor, b: Tensor, shape: MatmulSizes) {
    const before = contender.moved?.();
    const once = await timed(() => contender.multiply(a, b));
    const moved = movedSince(before, contender.moved?.());
    this.#pace.set(contender.name, once / flops(shape));
    const endToEndMs = this.#onlyResident ? Number.NaN : await best(() => contender.multiply(a, b));
    const resident = contender.resident?.(a, b);
    const residentMs = resident === undefined ? Number.NaN : await best(resident.run);
    resident?.free();
    const kernelMs = (await contender.kernel?.(a, b)) ?? Number.NaN;
    const known = (ms: number, key: string) => (Number.isNaN(ms) ? {} : { [key]: rateOf(contender, shape, ms) });
    const rates = { ...known(kernelMs, 'kernel'), ...known(residentMs, 'resident'), ...known(endToEndMs, 'endToEnd') };
    return { ...rates, ...(moved === undefined ? {} : { moved }) };
  }
}

/** MiB up, down, and copied on the host. */
function copiesOf({ uploaded, readBack, copied }: MovedBytes): string {
  return [uploaded, readBack, copied].map((bytes) => (bytes / 2 ** 20).toFixed(2).padStart(8)).join(' ');
}

function print(row: Row): void {
  const cell = (value: number | undefined) =>
    (value === undefined ? '–' : value.toFixed(value < 10 ? 2 : 0)).padStart(9);
  const numbers = [row.kernel, row.resident, row.endToEnd].map(cell).join(' ');
  const bytes = row.moved === undefined ? '' : ` ${copiesOf(row.moved)}`;
  console.log(`${row.shape.join('×').padEnd(16)} ${row.provider.padEnd(24)} ${numbers} ${bytes} ${row.note ?? ''}`);
}

/** True for a product that was compared; its fault; undefined for one that was not computed. */
function verdictOf({ note, endToEnd, kernel, resident }: Row): true | string | undefined {
  if (note?.startsWith('WRONG') === true) return note;
  const isComputed = [endToEnd, kernel, resident].some((value) => value !== undefined);
  return note === undefined && isComputed ? true : undefined;
}

async function conformance(contenders: readonly Contender[]) {
  const results = [];
  for (const contender of contenders) {
    const result = await runConformance({ ...contender, dtypes: contender.dtypes as ProductDType[] });
    results.push(result);
    const { provider, passed, failures } = result;
    console.log(`conformance ${provider}: ${passed} passed, ${failures.length} failed`);
    for (const failure of failures) console.log(`  ${failure}`);
  }
  return results;
}

async function main(): Promise<void> {
  const chosen = options();
  const { sizes, providers, dtype, json, conformance: checked } = chosen;
  const { contenders, python, skipped, close } = await openContenders(providers);
  for (const line of skipped) console.log(`SKIPPED ${line}`);
  const results = checked ? await conformance(contenders) : [];
  const bench = new Bench(chosen);
  const rows: Row[] = [];
  const add = (row: Row) => {
    rows.push(row);
    print(row);
    sendRow({ ...row, ...row.moved, shape: row.shape.join('×'), verified: verdictOf(row) });
  };
  console.log(
    `\nGFLOP/s, ${dtype}\n${'m×k×n'.padEnd(16)} ${'provider'.padEnd(24)}    kernel  resident end to end   up MiB     down   copied`,
  );
  for (const shape of sizes) {
    for (const contender of contenders.filter((c) => c.dtypes.includes(dtype))) add(await bench.row(contender, shape));
    for (const library of python.filter((one) => one.dtypes.includes(dtype))) add(await bench.python(library, shape));
  }
  await close();
  const record = { date: new Date().toISOString(), node: process.version, dtype, skipped, conformance: results, rows };
  if (json !== undefined) await writeFile(json, `${JSON.stringify(record, null, 2)}\n`);
  const failed = rows.some((row) => row.note?.startsWith('WRONG')) || results.some((r) => r.failures.length > 0);
  process.exitCode = failed ? 1 : 0;
}

await main();
