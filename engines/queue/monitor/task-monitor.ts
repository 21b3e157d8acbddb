// The timers are imported, not global, because users may give these names to values of their own.
import { performance } from 'node:perf_hooks';
import { setInterval, setTimeout } from 'node:timers';
import type { HeldMemory, TaskFailure } from '../../../src/protocol/messages/monitoring.ts';
import type { ReplyMessage } from '../../../src/protocol/messages.ts';
import type { QueuedTask, QueueEvent, TaskClient } from '../queue-event.ts';
import { steadyMs } from './steady-clock.ts';
import type { TaskRing } from './task-ring.ts';

/** Milliseconds between two notes of the event loop. */
const TURN_MS = 250;
/** Milliseconds after a task in which the next one may come before the memory is counted. */
const SETTLE_MS = 2;
/** Counting takes at most the 500th part of the time; where tasks that set names follow each other, the 20th. */
const REST = 500;
const SHORT_REST = 20;
/** Failures that are told within so many milliseconds. */
const FAILURES = 32;
const FAILURES_MS = 250;
const MAX_MESSAGE = 1000;
const MAX_TRACEBACK = 4000;

const { now } = Date;
const SETS_NAMES: ReadonlySet<string> = new Set(['push', 'execute', 'clear']);

/** The control thread, as the monitor tells it. */
export interface MonitorLink {
  held(memory: HeldMemory): void;
  failed(failure: TaskFailure): void;
}

/** The parts that a monitor watches and tells. */
export interface MonitorOptions {
  readonly ring: TaskRing;
  readonly link: MonitorLink;
  /** Counts what the engine holds. */
  readonly count: () => Omit<HeldMemory, 'at'>;
}

/**
 * The main thread's part of the engine's monitor: folds the events of the task queue into the ring, counts memory by name
 * after tasks, and tells failures.
 */
export class TaskMonitor {
  readonly #ring: TaskRing;
  readonly #link: MonitorLink;
  readonly #count: MonitorOptions['count'];
  #isTimed = false;
  #isStale = false;
  #hasSetNames = false;
  #counted = 0;
  #cost = 0;
  #failures = 0;
  #failuresSince = 0;
  #bytesIn = 0;
  #running: QueuedTask<TaskClient> | undefined;
  /** Sends what waits for the end of the turn. */
  flush = (): void => {};

  constructor({ ring, link, count }: MonitorOptions) {
    this.#ring = ring;
    this.#link = link;
    this.#count = count;
  }

  /** Notes from now on how busy the event loop is. */
  watch(): void {
    const note = () => {
      const { active, idle } = performance.eventLoopUtilization();
      this.#ring.turned(active, idle, steadyMs());
    };
    note();
    setInterval(note, TURN_MS).unref();
  }

  /** Takes what happened in the task queue. */
  fold(events: readonly QueueEvent<TaskClient>[]): void {
    let end: ReplyMessage | undefined;
    for (const event of events) {
      if (event.type === 'queued') this.#ring.queued(event.task.message.label);
      else if (event.type === 'started') this.#started(event.task);
      else if (event.type === 'ended') end = event.reply;
      else if (event.type === 'dropped') this.#ring.dropped(event.task.message.label);
      else if (event.type === 'reply' && event.reply === end) {
        end = undefined;
        this.#ended(event.reply, event.body);
      }
    }
  }

  #started(task: QueuedTask<TaskClient>): void {
    const { message } = task;
    const time = now();
    if (this.#isStale && this.#hasSetNames && steadyMs() - this.#counted >= SHORT_REST * this.#cost) this.#countNow();
    this.#running = task;
    this.#bytesIn = bytesOf(task.body);
    this.#ring.started({ id: message.id, label: message.label, started: time, bytesIn: this.#bytesIn });
    if (message.tells === true) this.#tell(task, time);
  }

  // The task may compute for long: the message leaves before.
  #tell({ message, client }: QueuedTask<TaskClient>, at: number): void {
    void client.send({ type: 'started', id: message.id, at });
    this.flush();
  }

  #ended(reply: ReplyMessage, body: readonly Uint8Array[]): void {
    const message = this.#running?.message;
    if (message === undefined || message.id !== reply.id) return;
    this.#running = undefined;
    const { id, label } = message;
    const { started, completed: ended } = reply.metadata;
    const status = reply.status === 'ok' ? 'ok' : reply.status === 'error' ? 'error' : 'aborted';
    const bytesOut = bytesOf(body);
    this.#ring.ended({ id, label, started: started ?? ended, ended, bytesIn: this.#bytesIn, bytesOut, status });
    if (reply.error !== undefined) this.#fail(id, label, ended, reply.error);
    this.#isStale = true;
    this.#hasSetNames = SETS_NAMES.has(message.method);
    if (!this.#isTimed) this.#countSoon();
  }

  #fail(id: string, label: string, ended: number, error: NonNullable<ReplyMessage['error']>): void {
    if (steadyMs() - this.#failuresSince >= FAILURES_MS) {
      this.#failuresSince = steadyMs();
      this.#failures = 0;
    }
    if (++this.#failures > FAILURES) return;
    const { name, message, stack } = error;
    const [short, traceback] = [message.slice(0, MAX_MESSAGE), stack.slice(0, MAX_TRACEBACK)];
    this.#link.failed({ id, label, ended, name: name.slice(0, MAX_MESSAGE), message: short, traceback });
  }

  #countSoon(): void {
    this.#isTimed = true;
    const wait = Math.max(SETTLE_MS, this.#counted + REST * this.#cost - steadyMs());
    setTimeout(() => {
      this.#isTimed = false;
      if (this.#isStale) this.#countNow();
    }, wait).unref();
  }

  // User code may have left getters or proxies among its names: what it throws is not the engine's end.
  #countNow(): void {
    const begun = performance.now();
    try {
      this.#link.held({ at: now(), ...this.#count() });
    } catch {
      // The last count stands.
    }
    this.#isStale = false;
    this.#counted = steadyMs();
    this.#cost = performance.now() - begun;
  }
}

function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (let i = 0; i < parts.length; i++) bytes += (parts[i] as Uint8Array).byteLength;
  return bytes;
}
