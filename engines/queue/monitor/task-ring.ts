import type { EngineLoop, LabelTotals, TaskAtWork, TaskRecord } from '../../../src/protocol/messages/monitoring.ts';
import { clientOf } from '../fair-queue.ts';
import { readSlot, SLOT_BYTES, writeSlot } from '../id-ring.ts';

/** Ended tasks that stay readable: a power of two, at least 1000. */
const TASKS = 1024;
/** Labels with totals of their own; the last one takes all further labels. */
const LABELS = 64;
const OTHERS = 'others';
const TEXT_BYTES = 64;
const ENDS = ['ok', 'error', 'aborted'] as const;

/** The numbers of the whole engine. `version` is odd while the running task is being written. */
const HEAD = {
  version: 0,
  ended: 1,
  isBusy: 2,
  started: 3,
  bytesIn: 4,
  label: 5,
  active: 6,
  idle: 7,
  turned: 8,
  labels: 9,
} as const;
const HEAD_NUMBERS = 10;
/** The numbers of a label. */
const SUM = { queued: 0, done: 1, failed: 2, aborted: 3, ms: 4, bytesIn: 5, bytesOut: 6 } as const;
const SUM_NUMBERS = 7;
/** The numbers of an ended task. */
const ENTRY = { started: 0, ended: 1, bytesIn: 2, bytesOut: 3, label: 4, status: 5 } as const;
const ENTRY_NUMBERS = 6;

const SUMS_AT = HEAD_NUMBERS;
const ENTRIES_AT = SUMS_AT + LABELS * SUM_NUMBERS;
const NUMBERS = ENTRIES_AT + TASKS * ENTRY_NUMBERS;
const LABELS_AT = NUMBERS * 8;
const CURRENT_AT = LABELS_AT + LABELS * TEXT_BYTES;
const IDS_AT = CURRENT_AT + SLOT_BYTES;
const BYTES = IDS_AT + TASKS * SLOT_BYTES;

/** The end of a task, as it goes into the ring. */
export interface EndOfTask {
  readonly id: string;
  readonly label: string;
  readonly started: number;
  readonly ended: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly status: TaskRecord['status'];
}

/**
 * The last tasks of all clients, the running one and sums by label, in shared memory: the main thread writes, the control
 * thread reads while the main thread computes. An entry costs some copied numbers and the characters of an id. Nothing is
 * sent.
 */
export class TaskRing {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Float64Array;
  readonly #bytes: Buffer;
  /** The writer's places of labels. */
  readonly #places = new Map<string, number>();

  /** A ring on the buffer of another thread's ring, or a new one. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#numbers = new Float64Array(buffer, 0, NUMBERS);
    this.#bytes = Buffer.from(buffer);
  }

  #head(name: keyof typeof HEAD): number {
    return this.#numbers[HEAD[name]] as number;
  }

  #place(label: string): number {
    return this.#places.get(label) ?? this.#newPlace(label);
  }

  #newPlace(label: string): number {
    const place = Math.min(this.#places.size, LABELS - 1);
    if (this.#places.size < LABELS) {
      const at = LABELS_AT + place * TEXT_BYTES;
      const text = place === LABELS - 1 ? OTHERS : label;
      this.#bytes[at] = this.#bytes.write(text, at + 1, TEXT_BYTES - 1);
      this.#places.set(text, place);
      this.#numbers[HEAD.labels] = place + 1;
    }
    return place;
  }

  #add(place: number, sum: keyof typeof SUM, by: number): void {
    const at = SUMS_AT + place * SUM_NUMBERS + SUM[sum];
    this.#numbers[at] = (this.#numbers[at] as number) + by;
  }

  /** A task waits. */
  queued(label: string): void {
    this.#add(this.#place(label), 'queued', 1);
  }

  /** A task that waited never runs. */
  dropped(label: string): void {
    const place = this.#place(label);
    this.#add(place, 'queued', -1);
    this.#add(place, 'aborted', 1);
  }

  /** A task that waited runs now. */
  started({ id, label, started, bytesIn }: Omit<TaskAtWork, 'client'>): void {
    const place = this.#place(label);
    this.#add(place, 'queued', -1);
    const numbers = this.#numbers;
    numbers[HEAD.version] = this.#head('version') + 1;
    writeSlot(this.#bytes, CURRENT_AT, id);
    numbers[HEAD.label] = place;
    numbers[HEAD.started] = started;
    numbers[HEAD.bytesIn] = bytesIn;
    numbers[HEAD.isBusy] = 1;
    numbers[HEAD.version] = this.#head('version') + 1;
  }

  /** The running task has ended. */
  ended({ id, label, started, ended, bytesIn, bytesOut, status }: EndOfTask): void {
    const numbers = this.#numbers;
    const place = this.#place(label);
    const count = this.#head('ended');
    const slot = count % TASKS;
    const at = ENTRIES_AT + slot * ENTRY_NUMBERS;
    writeSlot(this.#bytes, IDS_AT + slot * SLOT_BYTES, id);
    numbers[at + ENTRY.started] = started;
    numbers[at + ENTRY.ended] = ended;
    numbers[at + ENTRY.bytesIn] = bytesIn;
    numbers[at + ENTRY.bytesOut] = bytesOut;
    numbers[at + ENTRY.label] = place;
    numbers[at + ENTRY.status] = ENDS.indexOf(status);
    this.#add(place, status === 'ok' ? 'done' : status === 'error' ? 'failed' : 'aborted', 1);
    this.#add(place, 'ms', ended - started);
    this.#add(place, 'bytesIn', bytesIn);
    this.#add(place, 'bytesOut', bytesOut);
    numbers[HEAD.ended] = count + 1;
    numbers[HEAD.isBusy] = 0;
  }

  /** The main thread's event loop turned now, after so many milliseconds of work and of waiting since its start. */
  turned(active: number, idle: number, now: number): void {
    this.#numbers[HEAD.active] = active;
    this.#numbers[HEAD.idle] = idle;
    this.#numbers[HEAD.turned] = now;
  }

  /** Milliseconds of work and of waiting. A loop that has not turned for longer than `slack` ms has worked since. */
  loop(now: number, slack: number): EngineLoop {
    const turned = this.#head('turned');
    const since = turned === 0 ? 0 : now - turned;
    return { active: this.#head('active') + (since > slack ? since : 0), idle: this.#head('idle') };
  }

  /** The task that runs, or null. */
  current(): TaskAtWork | null {
    for (;;) {
      const version = this.#head('version');
      if (this.#head('isBusy') === 0) return null;
      const id = readSlot(this.#bytes, CURRENT_AT);
      const [label, started, bytesIn] = [
        this.#label(this.#head('label')),
        this.#head('started'),
        this.#head('bytesIn'),
      ];
      // Another task has started meanwhile: this may be half of each.
      if (version % 2 === 0 && version === this.#head('version')) {
        return { id, client: clientOf(id), label, started, bytesIn };
      }
    }
  }

  #label(place: number): string {
    const at = LABELS_AT + place * TEXT_BYTES;
    return this.#bytes.toString('utf8', at + 1, at + 1 + (this.#bytes[at] as number));
  }

  /** Sums by label. */
  totals(): LabelTotals[] {
    return Array.from({ length: this.#head('labels') }, (_, place) => {
      const sum = (name: keyof typeof SUM) => this.#numbers[SUMS_AT + place * SUM_NUMBERS + SUM[name]] as number;
      return {
        label: this.#label(place),
        queued: Math.max(0, sum('queued')),
        done: sum('done'),
        failed: sum('failed'),
        aborted: sum('aborted'),
        ms: sum('ms'),
        bytesIn: sum('bytesIn'),
        bytesOut: sum('bytesOut'),
      };
    });
  }

  /** How many tasks have ended. */
  get count(): number {
    return this.#head('ended');
  }

  /** The ended tasks from number `since` on, oldest first: those that are still in the ring. */
  since(since: number): TaskRecord[] {
    const { count } = this;
    const first = Math.max(since, count - TASKS);
    const tasks = Array.from({ length: Math.max(0, count - first) }, (_, i) => this.#entry(first + i));
    // While this thread read, the other one may have written over the oldest.
    return tasks.filter(({ number }) => number > this.count - TASKS);
  }

  #entry(number: number): TaskRecord {
    const slot = number % TASKS;
    const at = ENTRIES_AT + slot * ENTRY_NUMBERS;
    const entry = (name: keyof typeof ENTRY) => this.#numbers[at + ENTRY[name]] as number;
    const id = readSlot(this.#bytes, IDS_AT + slot * SLOT_BYTES);
    return {
      number,
      id,
      client: clientOf(id),
      label: this.#label(entry('label')),
      started: entry('started'),
      ended: entry('ended'),
      status: ENDS[entry('status')] ?? 'ok',
      bytesIn: entry('bytesIn'),
      bytesOut: entry('bytesOut'),
    };
  }
}
