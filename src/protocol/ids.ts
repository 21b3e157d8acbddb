// Names of tasks and engines on the wire.

/** Unique per task: `<client uuid>:<counter>`. */
export type TaskId = string;

/** The number of an engine in its cluster; a replacement takes over the number. */
export type EngineId = number;
