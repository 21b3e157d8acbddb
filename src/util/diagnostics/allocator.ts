import process from 'node:process';
import { debuglog } from 'node:util';

/** Variables that set glibc's malloc before a process starts. */
const VARIABLES = ['MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'GLIBC_TUNABLES'];
const debug = debuglog('directview:memory');
let noted: string | undefined;

/** The allocator settings in this environment, as text; undefined if there are none. */
export function allocatorVariables(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const set = VARIABLES.filter((name) => env[name] !== undefined).map((name) => `${name}=${env[name]}`);
  return set.length === 0 ? undefined : set.join(' ');
}

/** Notes settings that this program has made while it ran. */
export function noteAllocator(settings: string): void {
  noted = settings;
}

/** A debug line (NODE_DEBUG=directview:memory) that says which allocator settings are in force. */
export function traceAllocator(): void {
  debug('allocator: %s', noted ?? allocatorVariables() ?? "the C library's own settings: docs/decisions/allocator.md");
}
