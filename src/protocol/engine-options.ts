// The options that a launcher sends to an engine: one JSON line on the engine's stdin. Not argv, as `ps` shows argv to
// others. The engine exits when that stdin ends, so no engine outlives its launcher.
import type { DeviceReport } from './messages.ts';

/** The kind of device to compute on; `auto` takes the best one that the machine has. */
export type DeviceChoice = 'auto' | DeviceReport['kind'];

/** Every DeviceChoice, `auto` first. */
export const DEVICE_CHOICES: readonly DeviceChoice[] = ['auto', 'webgpu', 'headlessgl', 'tensorflow', 'wasm', 'cpu'];

/** The device that an engine should open. The same object travels from the command line to the engine's context. */
export interface DeviceRequest {
  /** Default `auto`. */
  readonly device?: DeviceChoice | undefined;
  /** Index of the card, counted from 0. A cluster's default: its engines take the cards in turn. */
  readonly gpu?: number | undefined;
  /** Accept a software GPU (for tests); the launcher sets it up. */
  readonly softwareGpu?: boolean | undefined;
  /** CPU threads per engine. A cluster's default: max(1, floor(cores / engines)). */
  readonly threads?: number | undefined;
}

/** The first line on an engine's stdin, as JSON. */
export interface EngineOptions extends DeviceRequest {
  /** The controller's endpoint. */
  readonly controller: string;
  /** Where to bind the tasks socket: an `ipc://` path that does not exist yet, or `tcp://127.0.0.1:*`. */
  readonly tasks: string;
  /** Where to bind the control socket. */
  readonly control: string;
  readonly device: DeviceChoice;
  readonly threads: number;
  /** The id to take over, when this engine replaces another. */
  readonly slot?: number | undefined;
  /** Milliseconds without the controller after which the engine exits; default 60 000. */
  readonly deathTimeout?: number | undefined;
  /** Bytes of finished results kept for clients that ask again; default 64 MiB. */
  readonly outboxBytes?: number | undefined;
}

/** The exit codes of an engine that its launcher tells apart. */
export const ENGINE_EXIT = { ok: 0, failed: 1, badOptions: 2, replaced: 75 } as const;
