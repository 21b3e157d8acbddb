import { posix } from 'node:path';
import { type Fault, inside, type Source } from './source.ts';

/** Files, or rooms, and what each imports. */
type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Circles of files that import each other, types included: one fault for each knot, with a way around it. */
export function fileCircles(sources: readonly Source[]): Fault[] {
  const ours = new Set(sources.map(({ path }) => path));
  const graph = new Map(
    sources.map(({ path, imports }) => [
      path,
      new Set(imports.map(({ from }) => from).filter((from) => ours.has(from))),
    ]),
  );
  return circlesOf(graph).map((path) => ({ path: path[0] as string, text: path.join(' → ') }));
}

/**
 * Circles of rooms: the files and folders of one folder must not import each other in a circle, so that they stand on
 * floors. `above` lists the folders whose rooms are looked at, with all the folders in them.
 */
export function roomCircles(sources: readonly Source[], above: readonly string[]): Fault[] {
  const folders = new Set<string>();
  for (const { path } of sources) {
    for (let folder = posix.dirname(path); above.some((top) => inside(folder, top)); folder = posix.dirname(folder)) {
      folders.add(folder);
    }
  }
  return [...folders]
    .sort()
    .flatMap((folder) =>
      circlesOf(roomsOf(folder, sources)).map((path) => ({ path: folder, text: `${folder}/: ${path.join(' → ')}` })),
    );
}

function roomsOf(folder: string, sources: readonly Source[]): Graph {
  const roomOf = (path: string) => path.slice(folder.length + 1).split('/')[0] as string;
  const rooms = new Map<string, Set<string>>();
  for (const { path, imports } of sources.filter((source) => inside(source.path, folder))) {
    const room = rooms.get(roomOf(path)) ?? new Set();
    rooms.set(roomOf(path), room);
    for (const { from } of imports) if (inside(from, folder) && roomOf(from) !== roomOf(path)) room.add(roomOf(from));
  }
  return rooms;
}

/** One circle for each strongly connected part of the graph, as the shortest way around from its first node. */
function circlesOf(graph: Graph): string[][] {
  const reach = new Map([...graph.keys()].map((node) => [node, reachable(graph, node)]));
  const seen = new Set<string>();
  return [...graph.keys()].sort().flatMap((node) => {
    if (seen.has(node) || reach.get(node)?.has(node) !== true) return [];
    for (const other of reach.get(node) ?? []) if (reach.get(other)?.has(node)) seen.add(other);
    return [wayAround(graph, node)];
  });
}

function reachable(graph: Graph, start: string): Set<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const next of graph.get(node) ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      open.push(next);
    }
  }
  return reached;
}

function wayAround(graph: Graph, start: string): string[] {
  const trails = [[start]];
  const seen = new Set<string>();
  for (const trail of trails) {
    for (const next of graph.get(trail.at(-1) as string) ?? []) {
      if (next === start) return [...trail, start];
      if (!seen.has(next)) trails.push([...trail, next]);
      seen.add(next);
    }
  }
  return [start];
}
