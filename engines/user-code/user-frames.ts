// A user's stack without the engine's frames below it. The engine knows its own files by the folder that this module was
// loaded from, and not by a pattern: a user's path may contain any of our names.

/** The engine's folder as stack frames print it: as loaded, and as source maps rename it. */
const OWN_FOLDERS = [import.meta.url, ownFrame()].map(folderOf).filter((folder) => folder !== undefined);

function ownFrame(): string {
  return new Error().stack?.split('\n').find((line) => line.includes('user-code/user-frames.')) ?? '';
}

function folderOf(frame: string): string | undefined {
  return /((?:file:\/\/)?\/.*\/)user-code\/user-frames\./.exec(frame)?.[1];
}

function isUsers(line: string): boolean {
  const frame = /^\s+at /.test(line);
  return !frame || !(/directview:door|[( ]node:/.test(line) || OWN_FOLDERS.some((own) => line.includes(own)));
}

/** Cuts the frames of the engine and of Node that called the user's code; frames that the user called stay. */
export function userFrames(stack: string): string {
  const lines = stack.split('\n');
  return lines.slice(0, lines.findLastIndex(isUsers) + 1).join('\n');
}
