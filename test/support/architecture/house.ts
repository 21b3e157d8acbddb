import { posix } from 'node:path';
import { type Fault, inside, type Source } from './source.ts';

const MANY_LINES = 400;
const MAX_ROOMS = 15;

/** The parts that users get: not benchmarks, not examples. */
export function productOf(sources: readonly Source[]): Source[] {
  return sources.filter(({ path }) => ['src', 'engines', 'kernels'].some((folder) => inside(path, folder)));
}

/** Warnings, not faults: a file has one noun and one reason to change, whatever its length. */
export function longFiles(sources: readonly Source[]): string[] {
  return sources.filter(({ lines }) => lines > MANY_LINES).map(({ path, lines }) => `${path} has ${lines} lines`);
}

/** How many files and folders lie in each folder. */
export function roomsPerFolder(sources: readonly Source[]): Map<string, number> {
  const rooms = new Map<string, Set<string>>();
  for (const { path } of sources) {
    for (let room = path; room.includes('/'); room = posix.dirname(room)) {
      const folder = posix.dirname(room);
      rooms.set(folder, (rooms.get(folder) ?? new Set()).add(room));
    }
  }
  return new Map([...rooms].map(([folder, found]) => [folder, found.size]));
}

/** Folders in which a reader has to look at too many names. */
export function crowdedFolders(sources: readonly Source[]): Fault[] {
  const crowded = [...roomsPerFolder(sources)].filter(([, count]) => count > MAX_ROOMS);
  return crowded.map(([path, count]) => ({ path, text: `${path}/ has ${count} files and folders, over ${MAX_ROOMS}` }));
}

/** Exported declarations without a docstring. */
export function undocumented(sources: readonly Source[]): Fault[] {
  return sources.flatMap(({ path, exports }) =>
    exports
      .filter(({ isDocumented }) => !isDocumented)
      .map(({ name, line }) => ({ path, text: `${path}:${line}: ${name} has no docstring` })),
  );
}

/** `as unknown as`, each of them. */
export function doubleCasts(sources: readonly Source[]): Fault[] {
  return sources.flatMap(({ path, doubleCasts }) =>
    doubleCasts.map((line) => ({ path, text: `${path}:${line}: as unknown as` })),
  );
}

/** Exported types that share a name; the second and further ones are faults. */
export function sharedTypeNames(sources: readonly Source[]): Fault[] {
  const first = new Map<string, string>();
  return sources.flatMap(({ path, exports }) =>
    exports
      .filter(({ kind }) => kind === 'type')
      .flatMap(({ name }) => {
        const other = first.get(name);
        first.set(name, other ?? path);
        return other === undefined ? [] : [{ path, text: `${path} exports a type ${name}, and so does ${other}` }];
      }),
  );
}
