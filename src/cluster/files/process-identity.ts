// Which process owns a file or directory: pid, start time, host and pid namespace. A pid alone is reused by the system.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ProcessIdentity } from '../../client/links/cluster-file.ts';
import { isAlive } from '../../util/system/process-alive.ts';

/** From /proc/<pid>/stat: the state's letter and the start time; undefined where there is no /proc, or no such process. */
function statOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the command before it may hold anything
    return { state: fields[0]!, started: fields[19]! };
  } catch {
    return undefined;
  }
}

function pidSpace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}

/** The identity of this process. */
export function selfIdentity(): ProcessIdentity {
  return { pid: process.pid, started: statOf(process.pid)?.started ?? null, host: hostname(), space: pidSpace() };
}

/** True if a process with that pid runs here, whoever owns it. One that ended and waits for its parent does not run. */
export function pidRuns(pid: number): boolean {
  return isAlive(pid) && statOf(pid)?.state !== 'Z';
}

/** True only if that process is surely over: what runs on another host or in another container cannot be judged here. */
export function isGone(owner: ProcessIdentity): boolean {
  if (owner.host !== hostname() || owner.space !== pidSpace()) return false;
  if (!pidRuns(owner.pid)) return true;
  const now = statOf(owner.pid)?.started;
  return owner.started !== null && now !== undefined && now !== owner.started;
}
