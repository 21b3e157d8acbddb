// The file format of speedscope (github.com/jlfwong/speedscope, "Importing from custom sources").
import type { CpuProfile, ProfileFrame, ProfileNode } from './cpu-profile.ts';

interface Frame {
  readonly name: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly col?: number | undefined;
}

interface Sampled {
  readonly type: 'sampled';
  readonly name: string;
  readonly unit: 'microseconds';
  readonly startValue: 0;
  readonly endValue: number;
  /** Places in `shared.frames`, the caller first. */
  readonly samples: readonly (readonly number[])[];
  readonly weights: readonly number[];
}

/** A file of several profiles. */
export interface Speedscope {
  readonly $schema: string;
  readonly exporter: string;
  readonly name: string;
  readonly activeProfileIndex: number;
  readonly shared: { readonly frames: readonly Frame[] };
  readonly profiles: readonly Sampled[];
}

/** All profiles as one file, by their names. */
export function speedscopeOf(name: string, profiles: ReadonlyMap<string, CpuProfile>): Speedscope {
  const frames = new Frames();
  const sampled = [...profiles].map(([engine, profile]) => sampledOf(engine, profile, frames));
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    exporter: 'directview',
    name,
    activeProfileIndex: 0,
    shared: { frames: frames.list },
    profiles: sampled,
  };
}

/** The functions of all profiles: one of the same name and place is the same. */
class Frames {
  readonly list: Frame[] = [];
  readonly #places = new Map<string, number>();

  /** `<engine 0>` and `<engine 1>` are one script. */
  place({ functionName, url, lineNumber, columnNumber }: ProfileFrame): number {
    const file = url.replace(/^<engine \d+>$/, '<engine>');
    const key = `${functionName}\n${file}\n${lineNumber}\n${columnNumber}`;
    return (
      this.#places.get(key) ??
      this.#add(key, { name: functionName || '(anonymous)', ...at(file, lineNumber, columnNumber) })
    );
  }

  #add(key: string, frame: Frame): number {
    this.#places.set(key, this.list.length);
    return this.list.push(frame) - 1;
  }
}

function at(file: string, line: number, column: number): Omit<Frame, 'name'> {
  return file === '' ? {} : { file, line: line + 1, col: column + 1 };
}

function sampledOf(name: string, profile: CpuProfile, frames: Frames): Sampled {
  const { nodes, samples = [], timeDeltas = [], startTime, endTime } = profile;
  const stacks = stacksOf(nodes, frames);
  // A sample's node ran until the next sample.
  const first = timeDeltas[0] ?? 0;
  const rest = Math.max(0, endTime - startTime - timeDeltas.reduce((sum, one) => sum + one, 0));
  const weights = samples.map((_, i) => Math.max(0, timeDeltas[i + 1] ?? rest));
  const total = weights.reduce((sum, one) => sum + one, first);
  return {
    type: 'sampled',
    name,
    unit: 'microseconds',
    startValue: 0,
    endValue: total,
    samples: samples.map((id) => stacks.get(id) ?? []),
    weights,
  };
}

/** The functions that were at work at each node, the caller first; without V8's own root. */
function stacksOf(nodes: readonly ProfileNode[], frames: Frames): ReadonlyMap<number, readonly number[]> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const stacks = new Map<number, readonly number[]>();
  // V8 lists callers before what they call.
  for (const { id, callFrame } of nodes) {
    const above = stacks.get(parents.get(id) ?? -1) ?? [];
    stacks.set(id, callFrame.functionName === '(root)' ? [] : [...above, frames.place(callFrame)]);
  }
  return stacks;
}
