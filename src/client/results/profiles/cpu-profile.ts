/** A function in a profile: where it stands, by the names and lines that its script has on the engine. */
export interface ProfileFrame {
  readonly functionName: string;
  readonly scriptId: string;
  /** `<engine 2>` for functions that travelled, a URL for modules, empty for what V8 does itself. */
  readonly url: string;
  /** From 0. */
  readonly lineNumber: number;
  /** From 0. */
  readonly columnNumber: number;
}

/** A function below the functions that called it. */
export interface ProfileNode {
  readonly id: number;
  readonly callFrame: ProfileFrame;
  readonly children?: readonly number[];
}

/** A CPU profile as V8 gives it, and as `.cpuprofile` files have it. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly endTime: number;
  /** The node that ran at each sample. */
  readonly samples?: readonly number[];
  /** The time between each sample and the one before it. */
  readonly timeDeltas?: readonly number[];
}

/** The script of the engine that calls the function of a profiled call. */
const CALLER = /\/engines\/verbs\/profile\.[jt]s$/;

/** The profile, where the function that was sent has the name that it has here: an arrow function travels without one. */
export function named(profile: CpuProfile, name: string): CpuProfile {
  const root = sentFrame(profile);
  if (name === '' || root === undefined || root.functionName !== '') return profile;
  const isRoot = ({ scriptId, lineNumber, columnNumber }: ProfileFrame) =>
    scriptId === root.scriptId && lineNumber === root.lineNumber && columnNumber === root.columnNumber;
  const nodes = profile.nodes.map((node) => {
    const { callFrame } = node;
    return isRoot(callFrame) ? { ...node, callFrame: { ...callFrame, functionName: name } } : node;
  });
  return { ...profile, nodes };
}

/** The function that was sent, if a sample met it below its caller. */
function sentFrame({ nodes }: CpuProfile): ProfileFrame | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  for (const { callFrame, children = [] } of nodes) {
    if (!CALLER.test(callFrame.url)) continue;
    const called = children.map((id) => byId.get(id)).find((frame) => frame?.url.startsWith('<engine '));
    if (called !== undefined) return called;
  }
  return undefined;
}
