import { debuglog } from 'node:util';
import { RateLimitedLog } from '../util/diagnostics/rate-limited-log.ts';

const debug = debuglog('directview:comm');
const log = new RateLimitedLog((line) => debug('%s', line), { linesPerSecond: 5, maxChars: 2000 });

/** A debug line of this layer (NODE_DEBUG=directview:comm), a few a second: a hostile peer must not fill a disk. */
export function report(line: string): void {
  if (debug.enabled) log.write(line);
}
