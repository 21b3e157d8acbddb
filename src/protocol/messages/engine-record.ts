import {
  flag,
  line,
  list,
  name,
  num,
  type ObjectOf,
  object,
  oneOf,
  optional,
  type Reader,
  record,
  text,
  whole,
} from '../fields.ts';

/** The kinds of GPU contexts; `none` computes nothing. */
export const DEVICE_KINDS = ['webgpu', 'cuda', 'headlessgl', 'tensorflow', 'wasm', 'cpu', 'none'] as const;

const deviceFields = {
  /** The kind of its GPU context. */
  kind: oneOf(...DEVICE_KINDS),
  /** The name of the card, or of the processor. */
  adapter: line,
  driver: line,
  /** The adapter is a software renderer. */
  software: flag,
  /** The mode of gpu.js. */
  gpuMode: line,
  /** The back end of tfjs. */
  tfBackend: line,
  /** The library or shader that multiplies matrices. */
  matmul: line,
  /** Libraries that multiply instead in some dtypes, by dtype: `{ float64: 'openblas (CPU)' }`. */
  matmulBy: optional(record(line)),
  /** Libraries that would multiply, and why they do not: `{ openblas: 'DIRECTVIEW_OPENBLAS is off' }`. */
  without: optional(record(line)),
  /** CPU threads that the engine may use. */
  threads: num,
  /** Limits of the device, such as `maxBufferSize` in bytes. */
  limits: record(num),
  /** Optional features of the device, such as `shader-f16`. */
  features: list(line),
  /** Versions of the libraries, by package name. */
  versions: record(line),
};

/** The GPU context of an engine. */
export interface DeviceReport extends ObjectOf<typeof deviceFields> {}

const device: Reader<DeviceReport> = object(deviceFields);

/** The fields that an engine tells of itself; its id is the controller's. */
export const engineFields = {
  /** Names this incarnation: a replacement has another. */
  uuid: name,
  pid: whole,
  host: line,
  /** The endpoint of its tasks socket. */
  tasks: text,
  /** The endpoint of its control socket. */
  control: text,
  /** The endpoint of its peers socket, for other engines. */
  peers: text,
  /** Names its machine and network, where the system tells: engines with the same name may share memory. */
  machine: optional(line),
  /** The endpoint of its peers socket for engines of its machine, where `peers` is on tcp. */
  near: optional(text),
  device,
  /** Names its card among all cards, where its agent knows: `GPU-…`. Absent for software devices. */
  card: optional(line),
  /** The number of the job that it runs in, as its scheduler writes it. */
  job: optional(line),
  /** The place in that job, counted from 0. */
  rank: optional(whole),
  /** Milliseconds since 1970 at which the scheduler will end the job. */
  until: optional(num),
};
const numberedFields = { id: whole, ...engineFields };

/** One engine of the roster: where it listens, and its device. */
export interface EngineRecord extends ObjectOf<typeof numberedFields> {}

const rowFields = {
  ...numberedFields,
  /** Absent where `report` names one that came before. */
  device: optional(device),
  /** The hash of the device report: many engines have the same one, which is sent once. */
  report: optional(text),
  /** The roster version that brought the engine, where that is not the message's own. */
  since: optional(whole),
};

/** An engine as roster messages tell of it. */
export interface EngineRow extends ObjectOf<typeof rowFields> {}

/** Reads a row of a roster message. */
export const engineRow: Reader<EngineRow> = object(rowFields);
