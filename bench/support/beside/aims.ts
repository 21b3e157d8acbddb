// The aims of calls and data on one host, as figures of bench/overhead show them.
import { table } from '../../../src/cli/table.ts';
import { digits, type Figure, isTime } from '../contest.ts';

/** The systems whose ratio an aim is about: the first one that is there counts. */
interface Wanted {
  readonly beside: readonly string[];
  /** Ours as a multiple of it: at most this, in a figure of times; at least this, in one of rates. */
  readonly multiple: number;
}

/** A figure, and ratios of which one must hold. */
interface Aim {
  readonly figure: string;
  readonly wanted: readonly Wanted[];
}

/** Small and middle transfers beside the checkout of --before, where there is one. */
function beforeAims(figures: readonly Figure[]): Aim[] {
  const wanted: readonly Wanted[] = [{ beside: ['before'], multiple: 3 }];
  return figures.flatMap(({ name, beside }) =>
    / (1|16) MB$/.test(name) && beside?.['before'] !== undefined ? [{ figure: name, wanted }] : [],
  );
}

function aimsOf(engines: number, many: number): Aim[] {
  const copies: readonly Wanted[] = [
    { beside: ['zeromq'], multiple: 3 },
    { beside: ['memcpy'], multiple: 0.8 },
  ];
  const push: Wanted = { beside: ['Ray', 'one write, all read'], multiple: 0.8 };
  return [
    { figure: 'noop apply, 1 engine', wanted: [{ beside: ['unix socket'], multiple: 1.6 }] },
    { figure: `noop apply, ${engines} engines`, wanted: [{ beside: ['unix socket'], multiple: 2 }] },
    { figure: 'pipelined noop tasks', wanted: [{ beside: ['piscina'], multiple: 0.5 }] },
    { figure: 'scatter 100 MB', wanted: copies },
    { figure: 'scatter 100 MB', wanted: [{ beside: ['MPI'], multiple: 1 }] },
    { figure: 'gather 100 MB', wanted: copies },
    { figure: 'gather into 100 MB', wanted: [{ beside: ['MPI'], multiple: 1 }] },
    { figure: `push to ${engines} 100 MB`, wanted: [push] },
    { figure: `push 16 MB to ${many}`, wanted: [{ beside: ['push to 1'], multiple: 1.5 }] },
  ];
}

/** The table of aims, with a line for each figure that was measured; empty if none was. */
export function renderAims(figures: readonly Figure[], engines: number, many: number): string {
  const rows = [...aimsOf(engines, many), ...beforeAims(figures)].flatMap(({ figure: name, wanted }) => {
    const figure = figures.find((one) => one.name === name);
    return figure === undefined ? [] : row(figure, wanted);
  });
  return rows.length === 0 ? '' : table(['aim', 'measured', 'wanted', ''], rows).trimEnd();
}

function multiplesOf({ value, raw, beside = {} }: Figure): Map<string, number> {
  const multiples = new Map(Object.entries(beside).map(([system, { multiple }]) => [system, multiple]));
  if (raw !== undefined) multiples.set('zeromq', value / raw);
  return multiples;
}

function row(figure: Figure, wanted: readonly Wanted[]): string[][] {
  const time = isTime(figure.unit);
  const multiples = multiplesOf(figure);
  const found = wanted.flatMap(({ beside, multiple }) => {
    const system = beside.find((one) => multiples.has(one));
    return system === undefined ? [] : [{ system, is: multiples.get(system) as number, multiple }];
  });
  if (found.length === 0) return [[figure.name, `${wanted[0]?.beside[0]} is not here`, '', '']];
  const holds = found.some(({ is, multiple }) => (time ? is <= multiple : is >= multiple));
  const text = (value: number, system: string) => `${digits(value)} × ${system}`;
  const sense = time ? 'at most' : 'at least';
  return [
    [
      figure.name,
      found.map(({ is, system }) => text(is, system)).join(', '),
      `${sense} ${found.map(({ multiple, system }) => text(multiple, system)).join(' or ')}`,
      holds ? 'holds' : 'does not hold',
    ],
  ];
}
