// The options that a launcher sends to an engine: one JSON line on the engine's stdin. Not argv, as `ps` shows argv to
// others. The engine exits when that stdin ends, so no engine outlives its launcher.
import { credentialsText } from './credentials.ts';
import { flag, line, num, type ObjectOf, object, oneOf, optional, type Reader, text, whole } from './fields.ts';
import { DEVICE_KINDS, type DeviceReport } from './messages/engine-record.ts';

/** The kind of device to compute on; `auto` takes the best one that the machine has. */
export type DeviceChoice = 'auto' | DeviceReport['kind'];

/** Every DeviceChoice, `auto` first. */
export const DEVICE_CHOICES: readonly DeviceChoice[] = ['auto', ...DEVICE_KINDS];

const deviceChoice: Reader<DeviceChoice> = oneOf(...DEVICE_CHOICES);

/**
 * A card by its number, counted from 0, or by its name as `nvidia-smi -L` writes it: `GPU-8a6f0c31-…`, of which the beginning
 * is enough, or `MIG-…` for a part of a card.
 */
export type CardChoice = number | string;

/** True for a text that can name a card. */
export function isCardName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CARD_NAME && /^(GPU|MIG)-[\w/-]+$/i.test(value);
}

const MAX_CARD_NAME = 100;

const cardChoice: Reader<CardChoice> = (value, where) => (isCardName(value) ? value : whole(value, where));

/** The fields of DeviceRequest. */
export const requestFields = {
  /** Default `auto`. */
  device: optional(deviceChoice),
  /**
   * The card: its number, counted from 0 among those that this process may see, or its UUID (`GPU-8a6f0c31-…` or the beginning of it,
   * `MIG-…`). A cluster's default: its engines take the cards in turn.
   */
  gpu: optional(cardChoice),
  /** Accept a software GPU (for tests); the launcher sets it up. */
  softwareGpu: optional(flag),
  /** CPU threads per engine. A cluster's default: max(1, floor(cores / engines)). */
  threads: optional(whole),
  /** The seed of `engine.random`, the same for all engines; default: a random one. */
  seed: optional(whole),
  /** A debugger may attach; `brk`: the first task waits for it. */
  inspect: optional(oneOf('on', 'brk')),
};

/** Seeds that are drawn are below it. */
export const MAX_SEED = 2 ** 47;

const optionFields = {
  ...requestFields,
  device: deviceChoice,
  threads: whole,
  /** The endpoint of the controller's registry. */
  controller: text,
  /** Where to bind the tasks socket: a `unix://` path that does not exist yet, or `tcp://address:*`. */
  tasks: text,
  /** Where to bind the control socket. */
  control: text,
  /** Where to bind the peers socket. */
  peers: text,
  /** Where to bind a second peers socket for engines of this machine, a `unix://` path; for those that listen on tcp. */
  near: optional(text),
  /** The keys of engines, where the cluster listens on tcp. */
  credentials: optional(credentialsText),
  /** The id to take over, when this engine replaces another. */
  slot: optional(whole),
  /** The text with which it registers: its launcher may then tell its end. Default: one that it makes itself. */
  proof: optional(text),
  /** Milliseconds without the controller after which the engine exits; default 60 000. */
  deathTimeout: optional(num),
  /** Bytes of finished results kept for clients that ask again; default 64 MiB. */
  outboxBytes: optional(whole),
  /** Milliseconds that such a result is kept; default 600 000. */
  outboxAge: optional(whole),
  /** The number of the scheduler's job, the place in it, and its end in milliseconds since 1970. */
  job: optional(text),
  rank: optional(whole),
  until: optional(num),
  /** Names its card among all cards, where its agent knows: `GPU-…`. */
  card: optional(line),
  /** The launcher has put the file of a flight record at descriptor 3. */
  record: optional(flag),
};

/** The device that an engine should open. The same object travels from the command line to the engine's context. */
export interface DeviceRequest extends ObjectOf<typeof requestFields> {}

/** The first line on an engine's stdin, as JSON. */
export interface EngineOptions extends ObjectOf<typeof optionFields> {}

/** Reads EngineOptions from parsed JSON. @throws ProtocolError naming the option */
export const engineOptions: Reader<EngineOptions> = object(optionFields);

/** The exit codes of an engine that its launcher tells apart. */
export const ENGINE_EXIT = { ok: 0, failed: 1, badOptions: 2, replaced: 75 } as const;

/** The line of an engine's stderr with which it ends when its back end has aborted. */
export const BACK_END_ABORTED = 'its wasm back end aborted';

/** Begins each line of an engine's stderr that reports an error which nobody handled: its launcher passes it on. */
export const UNHANDLED_MARK = 'unhandled: ';
