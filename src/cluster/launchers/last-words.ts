import { UNHANDLED_MARK } from '../../protocol/engine-options.ts';
import type { EngineExit } from './launcher.ts';

/** Lines of the process's output that the reason of an engine's death quotes, and their length. */
const LINES = 4;
const WIDTH = 200;
/** V8 and Node print these around the line that matters: banners, statistics of the heap, native frames. */
const NOISE =
  /^\s*$|^<---|^-----|^\[\d+:0x|^\s*\d+: |Warning: |^\(Use `node |^\s*(\.{3}|\^+)\s*$|^Node\.js v|^#\s*$|^Aborted|Mark-Compact|Scavenge|^\s+at .*(node:internal|engines\/)/;

/** Completes the reason of an engine's death: V8's fatal error and the last lines that the process wrote, if any. */
export function lastWords({ signal, handle }: Pick<EngineExit, 'signal' | 'handle'>): string {
  const lines = handle
    .output(Number.POSITIVE_INFINITY)
    .split('\n')
    .filter((line) => !NOISE.test(line) && !line.startsWith(UNHANDLED_MARK));
  const fatal = lines
    .findLast((line) => line.startsWith('FATAL ERROR:'))
    ?.slice('FATAL ERROR:'.length)
    .trim();
  if (fatal !== undefined) return `: ${fatal}`;
  if (lines.length > 0) return `; its last output: ${lines.slice(-LINES).map(cut).join(' | ')}`;
  return signal === 'SIGKILL' ? ', perhaps because the system ran out of memory' : '';
}

function cut(line: string): string {
  return line.length > WIDTH ? `${line.slice(0, WIDTH)}…` : line.trimEnd();
}
