// `directview pdot`: one matrix product over the engines of a cluster: how it was planned, what it moved, how fast it was,
// and whether it is right.
import { randomUUID } from 'node:crypto';
import { type Command, Option } from 'commander';
import { checkProduct, type ProductCheck } from '../../../kernels/matmul/product-check.ts';
import { generator } from '../../../kernels/matmul/random.ts';
import type { Client } from '../../client/client.ts';
import type { DirectView } from '../../client/direct-view.ts';
import type { Operand } from '../../client/pdot/operands.ts';
import { prepare, run } from '../../client/pdot/pdot.ts';
import { PLAN_CHOICES, type Plan, type PlanChoice } from '../../client/pdot/plan.ts';
import { ref } from '../../protocol/values/ref.ts';
import type { DType } from '../../tensor/dtype.ts';
import { toHalf } from '../../tensor/float16.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { index } from '../arguments.ts';
import { addClusterOptions, type ClusterFlags } from '../engine-flags.ts';
import { withCluster } from '../with-cluster.ts';

const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'float16'];

interface Flags extends ClusterFlags {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly plan: PlanChoice;
  readonly dtype: DType;
  readonly seed: number;
  readonly check?: true;
  readonly json?: true;
}

interface Measured {
  readonly plan: Plan;
  readonly product: Tensor;
  /** Milliseconds of the second of two runs: the first compiles. */
  readonly ms: number;
}

export function define(command: Command): void {
  for (const [name, what] of Object.entries({ m: 'rows of A', k: 'columns of A, rows of B', n: 'columns of B' })) {
    command.addOption(new Option(`--${name} <size>`, what).argParser(index).default(512));
  }
  addClusterOptions(command);
  command.addOption(
    new Option('--plan <plan>', 'how operands get to the engines').choices(PLAN_CHOICES).default('auto'),
  );
  command.addOption(new Option('--dtype <dtype>', 'of A and B').choices(DTYPES).default('float32'));
  command.addOption(new Option('--seed <number>', 'of the random matrices').argParser(index).default(1));
  command.option('--check', 'compare with the float64 reference: exit 1 when the product is wrong');
  command.option('--json', 'as JSON');
  command.action((flags: Flags) => withCluster(flags, ({ rc }) => measureAndReport(rc, flags)));
}

async function measureAndReport(client: Client, flags: Flags): Promise<void> {
  const { m, k, n, dtype } = flags;
  const random = generator(flags.seed);
  const [a, b] = [matrix(dtype, [m, k], random), matrix(dtype, [k, n], random)];
  const measured = await measure(client.view(':'), a, b, flags.plan);
  const checked = flags.check ? checkProduct(measured.product, a, b) : undefined;
  process.stdout.write(flags.json ? json(client, flags, measured, checked) : text(client, flags, measured, checked));
  if (checked?.ok === false) process.exitCode = 1;
}

// A ring is for operands that lie on the engines by rows: they are scattered before the clock starts.
async function measure(engines: DirectView<'many'>, a: Tensor, b: Tensor, choice: PlanChoice): Promise<Measured> {
  if (choice !== 'ring') return timed(engines, a, b, choice);
  const mark = randomUUID().replaceAll('-', '');
  const [left, right] = [`A_${mark}`, `B_${mark}`];
  try {
    await Promise.all([engines.scatter(left, a), engines.scatter(right, b)]);
    return await timed(engines, ref(left), ref(right), choice);
  } finally {
    await engines.clear([left, right]);
  }
}

async function timed(engines: DirectView<'many'>, a: Operand, b: Operand, choice: PlanChoice): Promise<Measured> {
  await run(await prepare(engines, a, b, { plan: choice }));
  const start = performance.now();
  const job = await prepare(engines, a, b, { plan: choice });
  const product = (await run(job)) as Tensor;
  return { plan: job.plan, product, ms: performance.now() - start };
}

/** Floats in [−1, 1); int32 over its whole range, so that sums wrap. */
function matrix(dtype: DType, shape: readonly [number, number], random: () => number): Tensor {
  const out = new Tensor(dtype, shape);
  for (let i = 0; i < out.size; i++) {
    const value = random();
    if (dtype === 'int32') out.data[i] = value * 2 ** 32;
    else out.data[i] = dtype === 'float16' ? toHalf(2 * value - 1) : 2 * value - 1;
  }
  return out;
}

const gflops = ({ m, k, n }: Flags, { ms }: Measured): number => (2 * m * k * n) / (ms * 1e6);

function devices(client: Client): string {
  return [...new Set(client.engines.map(({ device }) => `${device.kind} (${device.adapter})`))].join(', ');
}

function json(client: Client, flags: Flags, measured: Measured, checked: ProductCheck | undefined): string {
  const { m, k, n, dtype, seed } = flags;
  const { plan, ms } = measured;
  const { kind, bytes, panels, busy } = plan;
  const head = { m, k, n, dtype, seed, engines: client.length, device: devices(client) };
  const result = { plan: kind, panels, busy: busy.length, bytes, ms, gflops: gflops(flags, measured) };
  return `${JSON.stringify({ ...head, ...result, check: checked ?? null }, null, 2)}\n`;
}

function text(client: Client, flags: Flags, measured: Measured, checked: ProductCheck | undefined): string {
  const { m, k, n, dtype } = flags;
  const { plan, ms } = measured;
  const lines = [
    `product  ${dtype} [${m}×${k}] · [${k}×${n}]`,
    `engines  ${client.length} on ${devices(client)}`,
    `plan     ${plan.kind}: ${plan.panels.join(' × ')} panels, ${plan.busy.length} engines busy, ${plan.bytes} bytes moved`,
    `speed    ${gflops(flags, measured).toPrecision(3)} GFLOP/s end to end, ${ms.toFixed(1)} ms`,
  ];
  if (checked !== undefined) lines.push(checkLine(dtype, checked));
  return `${lines.join('\n')}\n`;
}

function checkLine(dtype: DType, { maxError, relative, ok }: ProductCheck): string {
  if (dtype === 'int32') return `check    ${ok ? 'exact' : `WRONG: max error ${maxError}`}`;
  const detail = `max error ${maxError.toExponential(2)}, ${relative.toPrecision(3)} of the bound`;
  return `check    ${ok ? 'ok' : 'WRONG'}: ${detail}`;
}
