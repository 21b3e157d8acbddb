import { constants } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { totalmem } from 'node:os';
import { type Command, Option } from 'commander';
import { checkProduct, type ProductCheck } from '../../../kernels/matmul/product-check.ts';
import { generator } from '../../../kernels/matmul/random.ts';
import {
  type Client,
  type DirectView,
  type DType,
  type Operand,
  type PdotPlan,
  type PlanChoice,
  pdot,
  ref,
  type Tensor,
  tensor,
} from '../../index.ts';
import { itemSize } from '../../tensor/dtype.ts';
import { index } from '../arguments.ts';
import { addClusterOptions, type ClusterFlags } from '../engine-flags.ts';
import { keepFreedMemory } from '../script/keep-freed-memory.ts';
import { withCluster } from '../with-cluster.ts';

const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'float16', 'bfloat16'];
const CHOICES: Readonly<Record<PlanChoice, true>> = { auto: true, rows: true, grid: true, ring: true, summa: true };

interface Flags extends ClusterFlags {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly plan: PlanChoice;
  readonly dtype: DType;
  readonly seed: number;
  readonly check?: true;
  readonly resident?: true;
  readonly json?: true;
}

interface Measured {
  readonly plan: PdotPlan;
  readonly product: Tensor;
  /** Milliseconds of the second of two runs. The first one compiles. */
  readonly ms: number;
  /** Milliseconds of a product whose operands are on the devices already, and which stays there. */
  readonly residentMs?: number | undefined;
}

/** `directview pdot`: one matrix product on the engines: its plan, its speed, and whether it is right. */
export function define(command: Command): void {
  for (const [name, what] of Object.entries({ m: 'rows of A', k: 'columns of A, rows of B', n: 'columns of B' })) {
    command.addOption(new Option(`--${name} <size>`, what).argParser(index).default(512));
  }
  addClusterOptions(command);
  command.addOption(
    new Option('--plan <plan>', 'how operands get to the engines').choices(Object.keys(CHOICES)).default('auto'),
  );
  command.addOption(new Option('--dtype <dtype>', 'of A and B').choices(DTYPES).default('float32'));
  command.addOption(new Option('--seed <number>', 'of the random matrices').argParser(index).default(1));
  command.option('--check', 'compare with the float64 reference: exit 1 when the product is wrong');
  command.option('--resident', 'also time products whose operands and results stay on the devices');
  command.option('--json', 'as JSON');
  command.action(async (flags: Flags) => {
    const wrong = tooLarge(flags);
    if (wrong !== undefined) command.error(`error: ${wrong}`);
    const { seed: _matrices, ...engines } = flags; // not the engines' seed
    await keepFreedMemory();
    return withCluster(engines, ({ rc }) => measureAndReport(rc, flags));
  });
}

const GIB = 2 ** 30;
const gib = (bytes: number): string => `${(bytes / GIB).toPrecision(3)} GiB`;

/** The matrix that is beyond an array of this process, or beyond the machine's memory, in words. */
function tooLarge({ m, k, n, dtype }: Flags): string | undefined {
  const matrices = { A: [m, k], B: [k, n], C: [m, n] } as const;
  for (const [name, [rows, columns]] of Object.entries(matrices)) {
    // Random values are made as float64.
    const bytes = rows * columns * (name === 'C' ? itemSize(dtype) : 8);
    if (bytes <= Math.min(constants.MAX_LENGTH, totalmem())) continue;
    // Newer versions of Node have arrays beyond the memory of most machines.
    const [whose, most] =
      constants.MAX_LENGTH < totalmem() ? ['one array holds', constants.MAX_LENGTH] : ['this machine has', totalmem()];
    return `${name} [${rows}×${columns}] takes ${gib(bytes)}, and ${whose} ${gib(most)}: smaller --m, --k, --n`;
  }
  const bytes = (m * k + k * n + m * n) * itemSize(dtype);
  if (bytes <= totalmem()) return undefined;
  return `the matrices take ${gib(bytes)}, and this machine has ${gib(totalmem())} of memory: smaller --m, --k, --n`;
}

async function measureAndReport(client: Client, flags: Flags): Promise<void> {
  const { m, k, n, dtype } = flags;
  const random = generator(flags.seed);
  const [a, b] = [matrix(dtype, [m, k], random), matrix(dtype, [k, n], random)];
  const engines = client.view(':');
  const once = await measure(engines, a, b, flags.plan);
  const residentMs = flags.resident ? await residentTime(engines, a, b, flags.plan) : undefined;
  const measured = { ...once, residentMs };
  const checked = flags.check ? checkProduct(measured.product, a, b) : undefined;
  process.stdout.write(flags.json ? json(client, flags, measured, checked) : text(client, flags, measured, checked));
  if (checked?.ok === false) process.exitCode = 1;
}

// Ring and summa are for operands that lie on the engines by rows. They are scattered before the clock starts.
async function measure(engines: DirectView<'many'>, a: Tensor, b: Tensor, choice: PlanChoice): Promise<Measured> {
  if (choice !== 'ring' && choice !== 'summa') return timed(engines, a, b, choice);
  const mark = randomUUID().replaceAll('-', '');
  const [left, right] = [`A_${mark}`, `B_${mark}`];
  try {
    await Promise.all([engines.scatter(left, a), engines.scatter(right, b)]);
    return await timed(engines, ref(left), ref(right), choice);
  } finally {
    await engines.clear([left, right]);
  }
}

const PRODUCTS = 5;

/** Milliseconds of one of several products on the devices. A small one after them tells when the devices are done. */
async function residentTime(engines: DirectView<'many'>, a: Tensor, b: Tensor, plan: PlanChoice): Promise<number> {
  const mark = randomUUID().replaceAll('-', '');
  const [left, right, into, last] = [`A_${mark}`, `B_${mark}`, `C_${mark}`, `last_${mark}`];
  const multiply = () => pdot(engines, ref(left), ref(right), { plan, into });
  const settle = () => pdot(engines, ref(last), [[1]], { dtype: 'float32' });
  const { length } = engines.ids;
  try {
    const placed = plan === 'ring' ? engines.scatter(right, b) : engines.push({ [right]: b });
    const small = tensor(new Float32Array(length), { shape: [length, 1] });
    await Promise.all([engines.scatter(left, a), placed, engines.scatter(last, small)]);
    await multiply();
    await settle();
    const start = performance.now();
    // One after the other: each overwrites the product before it.
    for (let i = 0; i < PRODUCTS; i++) await multiply();
    await settle();
    return (performance.now() - start) / PRODUCTS;
  } finally {
    await engines.clear([left, right, into, last]);
  }
}

async function timed(engines: DirectView<'many'>, a: Operand, b: Operand, choice: PlanChoice): Promise<Measured> {
  await pdot(engines, a, b, { plan: choice });
  const start = performance.now();
  const plan = await pdot.plan(engines, a, b, { plan: choice });
  const product = await pdot(engines, a, b, { plan });
  return { plan, product, ms: performance.now() - start };
}

/** A random matrix: floats in [−1, 1), int32 over its whole range, so that sums wrap. */
function matrix(dtype: DType, shape: readonly [number, number], random: () => number): Tensor {
  const value = dtype === 'int32' ? () => random() * 2 ** 32 : () => 2 * random() - 1;
  const data = Float64Array.from({ length: shape[0] * shape[1] }, value);
  return tensor(data, { dtype, shape });
}

const gflops = ({ m, k, n }: Flags, ms: number): number => (2 * m * k * n) / (ms * 1e6);

function devices(client: Client): string {
  return [...new Set(client.engines.map(({ device }) => `${device.kind} (${device.adapter})`))].join(', ');
}

function json(client: Client, flags: Flags, measured: Measured, checked: ProductCheck | undefined): string {
  const { m, k, n, dtype, seed } = flags;
  const { plan, ms } = measured;
  const { residentMs } = measured;
  const { kind, bytes, panels, blocks, provider } = plan;
  const resident = residentMs === undefined ? null : { ms: residentMs, gflops: gflops(flags, residentMs) };
  const head = { m, k, n, dtype, seed, engines: client.length, device: devices(client) };
  const result = {
    plan: kind,
    panels,
    busy: blocks.length,
    bytes,
    provider: provider ?? null,
    ms,
    gflops: gflops(flags, ms),
    resident,
  };
  return `${JSON.stringify({ ...head, ...result, check: checked ?? null }, null, 2)}\n`;
}

function text(client: Client, flags: Flags, measured: Measured, checked: ProductCheck | undefined): string {
  const { m, k, n, dtype } = flags;
  const { plan, ms } = measured;
  const lines = [
    `product  ${dtype} [${m}×${k}] · [${k}×${n}]`,
    `engines  ${client.length} on ${devices(client)}`,
    `by       ${plan.provider ?? librariesOf(plan)}`,
    `plan     ${plan.kind}: ${plan.panels.join(' × ')} panels, ${plan.blocks.length} engines busy, ${plan.bytes} bytes moved`,
    `speed    ${gflops(flags, ms).toPrecision(3)} GFLOP/s end to end, ${ms.toFixed(1)} ms`,
  ];
  const { residentMs } = measured;
  if (residentMs !== undefined) {
    lines.push(
      `resident ${gflops(flags, residentMs).toPrecision(3)} GFLOP/s on the devices, ${residentMs.toFixed(1)} ms`,
    );
  }
  if (checked !== undefined) lines.push(checkLine(dtype, checked));
  return `${lines.join('\n')}\n`;
}

/** The library of each engine with a block, where they differ. */
function librariesOf(plan: PdotPlan): string {
  const named = plan.blocks.map(
    ({ engine }) => `${plan.providersByEngine.get(engine)?.[plan.dtype] ?? '?'} (engine ${engine})`,
  );
  return named.join(', ');
}

function checkLine(dtype: DType, { maxError, relative, ok }: ProductCheck): string {
  if (dtype === 'int32') return `check    ${ok ? 'exact' : `WRONG: max error ${maxError}`}`;
  const detail = `max error ${maxError.toExponential(2)}, ${relative.toPrecision(3)} of the bound`;
  return `check    ${ok ? 'ok' : 'WRONG'}: ${detail}`;
}
