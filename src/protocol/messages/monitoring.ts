// The part of the control protocol by which an engine tells what it does: to `status`, dashboards and reports.
import {
  list,
  num,
  type ObjectOf,
  object,
  oneOf,
  optional,
  orNull,
  type Reader,
  record,
  text,
  whole,
} from '../fields.ts';

const atWorkFields = {
  id: text,
  /** The uuid of the client that made it. */
  client: text,
  /** The public name of its call, or the label that the call was given. */
  label: text,
  /** When it began, in milliseconds since 1970, by the engine's clock. */
  started: num,
  /** Bytes of its arguments. */
  bytesIn: num,
};

/** The task that an engine runs. */
export interface TaskAtWork extends ObjectOf<typeof atWorkFields> {}

const recordFields = {
  /** Counts the tasks that ended on this engine, from 0. */
  number: whole,
  ...atWorkFields,
  /** When it had ended, in milliseconds since 1970, by the engine's clock. */
  ended: num,
  status: oneOf('ok', 'error', 'aborted'),
  /** Bytes of its result. */
  bytesOut: num,
};

/** A task that has ended. */
export interface TaskRecord extends ObjectOf<typeof recordFields> {}

const failureFields = {
  /** The task. */
  id: text,
  label: text,
  /** When it had ended, in milliseconds since 1970. */
  ended: num,
  /** The name of the error. */
  name: text,
  message: text,
  /** As the client gets it; long ones are cut. */
  traceback: text,
};

/** The error of a task that failed. */
export interface TaskFailure extends ObjectOf<typeof failureFields> {}

const totalsFields = {
  label: text,
  /** Tasks that wait. */
  queued: whole,
  /** Tasks that ended well. */
  done: whole,
  failed: whole,
  aborted: whole,
  /** Milliseconds that they ran, all together. */
  ms: num,
  bytesIn: num,
  bytesOut: num,
};

/** Sums over all tasks with one label that an engine has had. */
export interface LabelTotals extends ObjectOf<typeof totalsFields> {}

const heldFields = {
  /** When this was counted, in milliseconds since 1970: while a task computes, before its start. */
  at: num,
  /** Bytes by name, of the 100 largest, wherever the value is. */
  names: record(num),
  /** Bytes on the device, by name. */
  resident: record(num),
  /** Memory of the GPU context; null while it has not been opened. */
  device: orNull(object({ bytes: num, buffers: num })),
  /** Values from other engines that nobody has taken yet. */
  mail: num,
};

/** The bytes that an engine held when they were counted last. */
export interface HeldMemory extends ObjectOf<typeof heldFields> {}

const cardFields = {
  /** Counts the cards of the machine from 0. */
  index: whole,
  name: optional(text),
  /** Part of the last moments in which it computed, 0 to 1. */
  busy: optional(num),
  /** Bytes, of all processes. */
  used: optional(num),
  total: optional(num),
};

/** The card that an engine computes on; the client adds what the driver tells. */
export interface GpuCard extends ObjectOf<typeof cardFields> {}

/** Milliseconds of an event loop since its start. */
export interface EngineLoop {
  readonly active: number;
  readonly idle: number;
}

/** The fields of a status that a monitor adds. An engine without one leaves them out. */
export const monitorFields = {
  /** The task that runs. */
  task: optional(orNull(object(atWorkFields) as Reader<TaskAtWork>)),
  /** Sums by label; the last of 64 labels, `others`, takes all further ones. */
  labels: optional(list(object(totalsFields) as Reader<LabelTotals>)),
  /** The memory by name; null before the first task has ended. */
  memory: optional(orNull(object(heldFields) as Reader<HeldMemory>)),
  /** Cores that the process kept busy in the last second or two: 1 is one core. */
  cpu: optional(num),
  /** Milliseconds of CPU since the start. */
  cpuMs: optional(num),
  /** Part of the last second or two in which the event loop of the main thread was at work, 0 to 1. */
  utilization: optional(num),
  /** Bytes of arguments and of results of all tasks. */
  bytesIn: optional(num),
  bytesOut: optional(num),
  /** The card, where it computes on one. */
  gpu: optional(object(cardFields) as Reader<GpuCard>),
  /** The address for a debugger, where the engine was started for one. */
  inspector: optional(text),
  /** The seed of `engine.random`: that of the cluster, or the number that was drawn. */
  seed: optional(num),
};

const recentFields = {
  /** How many tasks have ended: the `since` of the next question. */
  count: whole,
  /** The last 1024 at most, oldest first. */
  tasks: list(object(recordFields) as Reader<TaskRecord>),
  /** The errors of the last tasks that failed, 64 at most, oldest first. Where many fail at once, of some of them. */
  failures: list(object(failureFields) as Reader<TaskFailure>),
};

/** The tasks that ended last on an engine, of all clients. */
export interface RecentTasks extends ObjectOf<typeof recentFields> {}

/** The answer to `recent`. */
export const recentTasks: Reader<RecentTasks> = object(recentFields);
