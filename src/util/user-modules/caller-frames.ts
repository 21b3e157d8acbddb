/** The folders of this library as stack frames print them: as loaded, and as source maps rename it. */
const OWN_FOLDERS = [import.meta.url, ownFrame()].map(folderOf).filter((folder) => folder !== undefined);

function ownFrame(): string {
  return new Error().stack?.split('\n').find((line) => line.includes('user-modules/caller-frames.')) ?? '';
}

function folderOf(frame: string): string | undefined {
  return /((?:file:\/\/)?\/.*\/)util\/user-modules\/caller-frames\./.exec(frame)?.[1];
}

const isFrame = (line: string): boolean => /^\s+at /.test(line);
const isOwn = (line: string): boolean => OWN_FOLDERS.some((folder) => line.includes(folder));

/** Is this line of a stack a frame of the user's program, and not of this library or of Node? */
export function isCallers(line: string): boolean {
  return isFrame(line) && !isOwn(line) && !line.includes('(node:') && !line.includes(' node:');
}

/**
 * The same thrown value. An error that this library made for its caller loses the library's frames, so that the caller's
 * line is the first. An error of the user's own code, such as an iterator that fails, keeps its stack.
 */
export function atCaller(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return thrown;
  const lines = thrown.stack.split('\n');
  const first = lines.findIndex(isFrame);
  const frames = lines.filter(isCallers);
  if (first >= 0 && isOwn(lines[first] as string) && frames.length > 0) {
    thrown.stack = [...lines.slice(0, first), ...frames].join('\n');
  }
  return thrown;
}
