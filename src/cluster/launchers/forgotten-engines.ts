import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { openTasks } from '../../client/jobs/jobs.ts';
import { openHandles } from '../../comm/unix/handles.ts';

/** A cluster of this process, as the watch over forgotten ones sees it. */
export interface Forgettable {
  readonly name: string;
  /** True if it may serve other programs: then the process lives for them. */
  readonly isShared: boolean;
  /** How many engine processes are its children. */
  children(): number;
}

const CHECK_MS = 1000;
/** Idle checks in a row that make a cluster count as forgotten. */
const CHECKS = 3;
/** Handles that Node keeps for each child: the process, and its three pipes. */
const PER_CHILD: readonly string[] = ['ProcessWrap', 'PipeWrap', 'PipeWrap', 'PipeWrap'];

const watched = new Set<Forgettable>();
let timer: NodeJS.Timeout | undefined;
let idleChecks = 0;
let isMuted = false;

/**
 * Says once on stderr that `cluster` keeps this process alive, when nothing else has done so for some seconds: no timer,
 * server, file, child or open task. Until the returned function is called.
 */
export function watchForgotten(cluster: Forgettable): () => void {
  watched.add(cluster);
  if (!isMuted) timer ??= setInterval(check, CHECK_MS).unref();
  return () => {
    watched.delete(cluster);
    if (watched.size === 0) stop();
  };
}

/** For programs that end their clusters by themselves, whatever they wait for. */
export function muteForgotten(): void {
  isMuted = true;
  stop();
}

function stop(): void {
  clearInterval(timer);
  timer = undefined;
  idleChecks = 0;
}

function check(): void {
  const clusters = [...watched];
  const children = clusters.reduce((sum, cluster) => sum + cluster.children(), 0);
  const isIdle = openTasks() === 0 && clusters.every(({ isShared }) => !isShared) && isOnlyOf(children);
  idleChecks = isIdle ? idleChecks + 1 : 0;
  if (idleChecks < CHECKS) return;
  muteForgotten();
  process.stderr.write(`${textFor(clusters.map(({ name }) => `'${name}'`).join(', '))}\n`);
}

function textFor(names: string): string {
  return (
    `directview: nothing but the engines of cluster ${names} keeps this program alive. ` +
    'End it with `await cluster.stop()`, also after an error, or declare it with `await using`. ' +
    'A cluster for other programs wants a name: Cluster.start({ name })'
  );
}

/** True if only links, the handles of that many children, and stdout and stderr keep the event loop alive. */
function isOnlyOf(children: number): boolean {
  const links = Array.from({ length: openHandles() }, () => 'PipeWrap');
  return others(process.getActiveResourcesInfo(), children, [...links, ...[1, 2].flatMap(handleOf)]).length === 0;
}

/** The resources that are left when those of children, and others that are known, are taken away. */
export function others(resources: readonly string[], children: number, more: readonly string[]): string[] {
  const left = [...resources];
  const known = [...Array.from({ length: children }, () => PER_CHILD).flat(), ...more];
  for (const name of known) {
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

/** The kind of handle that a standard stream has, if it has one. Naming the stream makes Node open it. */
function handleOf(descriptor: number): string[] {
  if (descriptor === 1 ? !process.stdout.writable : !process.stderr.writable) return [];
  if (isatty(descriptor)) return ['TTYWrap'];
  try {
    const stat = fstatSync(descriptor);
    return stat.isFIFO() ? ['PipeWrap'] : stat.isSocket() ? ['PipeWrap'] : [];
  } catch {
    return [];
  }
}
