import { table } from '../../src/cli/table.ts';
import { digits, type Figure, type Other } from './contest.ts';
import { COUNTS, type Copies, type Steps } from './pdot-measures.ts';

/** Libraries whose one local call is an aim. */
const LOCAL: readonly string[] = ['tfjs-node', 'onnxruntime'];
const [PEER_AIM, LOCAL_AIM] = [2, 0.7];

/** The whole product, and its steps on both sides. */
export interface Measured extends Figure {
  readonly copies?: Copies | undefined;
  /** Milliseconds of a product of operands that the engines have, and whose result stays there. */
  readonly residentMs: number;
  readonly steps?: Steps | undefined;
  readonly peerSteps?: Steps | undefined;
}

/** The whole products beside ipyparallel, and one local call of each library. */
export function render(figures: readonly Measured[]): string {
  const systems = [...new Set(figures.flatMap(({ beside = {} }) => Object.keys(beside)))];
  const rows = figures.map(({ name, value, peer, ratio, spread, beside = {} }) => {
    const gflops = 2e-6 * Number.parseInt(name, 10) ** 3;
    const other =
      peer === undefined ? ['', '', ''] : [digits(peer), digits(gflops / peer), `${digits(ratio ?? 0)} × quicker`];
    return [
      name,
      digits(value),
      digits(gflops / value),
      `${digits(100 * (spread ?? 0))} %`,
      ...other,
      ...systems.map((one) => cell(beside[one])),
    ];
  });
  const head = [
    'pdot',
    'ms',
    'GFLOP/s',
    'spread',
    'ipyparallel ms',
    'GFLOP/s',
    'ratio',
    ...systems.map((one) => `${one} ms`),
  ];
  return table(head, rows).trimEnd();
}

const cell = (other: Other | undefined): string => (other === undefined ? '' : digits(other.value));

/** The aims of one host: 2 × ipyparallel, and 0.7 × the quickest library that multiplies in one local call. */
export function renderAims(figures: readonly Measured[]): string {
  const verdict = (is: number, wanted: number) => [
    `${digits(is)} ×`,
    `at least ${wanted} ×`,
    is >= wanted ? 'holds' : 'does not hold',
  ];
  const rows = figures.flatMap(({ name, ratio, beside = {} }) => {
    const local = Object.entries(beside).filter(([system]) => LOCAL.includes(system));
    const [first, ...others] = local.map(([system, { multiple }]) => [system, 1 / multiple] as const);
    const quickest = first && others.reduce((least, next) => (next[1] < least[1] ? next : least), first);
    return [
      ...(ratio === undefined ? [] : [[`${name} and ipyparallel`, ...verdict(ratio, PEER_AIM)]]),
      ...(quickest === undefined
        ? []
        : [[`${name} and one call of ${quickest[0]}`, ...verdict(quickest[1], LOCAL_AIM)]]),
    ];
  });
  return table(['aim', 'measured', 'wanted', ''], rows).trimEnd();
}

/** The steps of each size, and the step that limits ours. */
export function renderSteps(figures: readonly Measured[]): string {
  const cells = (steps: Steps | undefined) =>
    (['send', 'multiply', 'gather'] as const).map((step) => (steps === undefined ? '' : digits(steps[step])));
  const limit = ({ send, multiply, gather }: Steps) => {
    const sum = send + multiply + gather;
    const [name, most] = Object.entries({ sending: send, 'the product': multiply, gathering: gather }).sort(
      ([, x], [, y]) => y - x,
    )[0] as [string, number];
    return `${name}: ${Math.round((100 * most) / sum)} %`;
  };
  const rows = figures.map(({ name, steps, peerSteps }) => [
    name,
    ...cells(steps),
    steps === undefined ? '' : limit(steps),
    ...cells(peerSteps),
  ]);
  const head = ['steps, ms', 'send', 'multiply', 'gather', 'limited by', 'ipyparallel send', 'multiply', 'gather'];
  return table(head, rows).trimEnd();
}

const MIB = 2 ** 20;

/** One row of the table of all contexts and libraries: a size, by one of them. */
export interface TableRow {
  readonly who: string;
  readonly size: number;
  readonly wholeMs: number | undefined;
  readonly residentMs: number;
  readonly copies?: Copies | undefined;
}

/** Products end to end and of resident operands, and the bytes that a whole product moves. */
export function renderAll(rows: readonly TableRow[]): string {
  const cells = (size: number, ms: number | undefined) =>
    ms === undefined ? ['–', '–'] : [digits(ms), digits((2e-6 * size ** 3) / ms)];
  const bytes = (copies: Copies | undefined) =>
    COUNTS.map((key) => (copies?.[key] === undefined ? '–' : digits((copies[key] as number) / MIB)));
  const lines = rows.map(({ who, size, wholeMs, residentMs, copies }) => {
    return [`${size}×${size}`, who, ...cells(size, wholeMs), ...cells(size, residentMs), ...bytes(copies)];
  });
  const moved = ['received MiB', 'returned', 'uploaded', 'read back', 'copied on the host'];
  const head = ['', '', 'end to end ms', 'GFLOP/s', 'resident ms', 'GFLOP/s', ...moved];
  return table(head, lines).trimEnd();
}
