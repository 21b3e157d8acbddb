import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';
import { report } from '../log.ts';
import { tcpConnections } from './tcp-connections.ts';
import { type Port, UnreadBytes } from './unread-bytes.ts';

/** Milliseconds between two looks. */
const LOOK_MS = 100;
/** Connections are looked at when this process has grown by so many bytes: a look takes as long as there are descriptors. */
const GROWN_BYTES = 16 * 1024 * 1024;

/** A socket's part of a guard. */
export interface GuardedSocket {
  /** A message was handed over. */
  took(frames: readonly Uint8Array[]): void;
  /** The socket is closed. Idempotent. */
  leave(): void;
}

/** The sockets of one port. */
interface Watched {
  readonly bytes: UnreadBytes;
  sockets: number;
}

// Bound when the module loads: in an engine, a user's test may replace the clock.
const clock = performance.now.bind(performance);
const watched = new Map<string, Watched>();
let timer: NodeJS.Timeout | undefined;
let leastResident = Number.POSITIVE_INFINITY;
let lookedAt = 0;

/**
 * Cuts connections of a socket whose peers send one message without end, before it fills this process. Where the system does not
 * tell what has come (other than Linux, or without koffi) nothing is cut.
 */
export function guardMessages(port: Port): GuardedSocket {
  const key = `${port.side}:${port.number}`;
  const ours = watched.get(key) ?? { bytes: new UnreadBytes(port), sockets: 0 };
  watched.set(key, ours);
  ours.sockets++;
  timer ??= setInterval(look, LOOK_MS).unref();
  let hasLeft = false;
  return {
    took: (frames) => ours.bytes.took(frames),
    leave: () => {
      if (hasLeft) return;
      hasLeft = true;
      if (--ours.sockets === 0) forget(key);
    },
  };
}

function forget(key: string): void {
  watched.delete(key);
  if (watched.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

// A process without a free descriptor cannot look.
function look(): void {
  try {
    cutEndless();
  } catch (error) {
    report(`nobody looks for messages without end: ${(error as Error).message}`);
  }
}

function cutEndless(): void {
  const resident = process.memoryUsage.rss();
  leastResident = Math.min(leastResident, resident);
  if (resident - leastResident < GROWN_BYTES) return;
  leastResident = resident;
  const system = tcpConnections();
  if (system === undefined) return;
  const now = clock();
  const seconds = (now - lookedAt) / 1000;
  lookedAt = now;
  const all = system.list();
  for (const [key, { bytes }] of watched) {
    const endless = bytes.look(all, seconds);
    if (endless === undefined) continue;
    report(`cut a connection of ${key}: a message without end came from there`);
    system.cut(endless);
  }
}
