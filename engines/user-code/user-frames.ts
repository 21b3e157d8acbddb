// A user's stack without the engine's frames below it. A frame is the engine's if its file lies in the folder that this
// module was loaded from. A pattern would not do, because a user's path may contain any of the engine's names.
import { withoutStartFolder } from './start-folder.ts';
import { TRAMPOLINE } from './trampoline.ts';

/** The engine's folder as stack frames print it: as loaded, and as source maps rename it. */
const OWN_FOLDERS = [import.meta.url, ownFrame()].map(folderOf).filter((folder) => folder !== undefined);
/** Frames without a file that belong to the engine: the trampoline, the runner's generator, and Node's modules. */
const OWN_FRAMES = [TRAMPOLINE, '(node:', ' node:', '.next (<anonymous>)'];

function ownFrame(): string {
  return new Error().stack?.split('\n').find((line) => line.includes('user-code/user-frames.')) ?? '';
}

function folderOf(frame: string): string | undefined {
  return /((?:file:\/\/)?\/.*\/)user-code\/user-frames\./.exec(frame)?.[1];
}

function isUsers(line: string): boolean {
  const isFrame = /^\s+at /.test(line);
  return !isFrame || ![...OWN_FRAMES, ...OWN_FOLDERS].some((own) => line.includes(own));
}

/** Cuts the frames of the engine and of Node that called the user's code; frames that the user's code called stay. */
export function userFrames(stack: string): string {
  const lines = stack.split('\n');
  return withoutStartFolder(lines.slice(0, lines.findLastIndex(isUsers) + 1).join('\n'));
}
