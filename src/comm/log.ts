// Debug lines of this layer (NODE_DEBUG=directview:comm), at most a few a second: a hostile peer must not fill a disk.
import { debuglog } from 'node:util';

const LINES_PER_SECOND = 5;
const debug = debuglog('directview:comm');
let windowStart = 0;
let lines = 0;

export function report(line: string): void {
  if (!debug.enabled) return;
  const now = performance.now();
  if (now - windowStart > 1000) {
    if (lines > LINES_PER_SECOND) debug('%d more lines left out', lines - LINES_PER_SECOND);
    windowStart = now;
    lines = 0;
  }
  if (++lines <= LINES_PER_SECOND) debug('%s', line.slice(0, 2000));
}
