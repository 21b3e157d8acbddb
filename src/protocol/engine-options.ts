// What a launcher tells an engine: one JSON line on the engine's stdin (never argv: secrets would show in `ps`). The
// engine exits when that stdin ends, so no engine outlives its launcher.
import type { DeviceReport } from './messages.ts';

export type DeviceChoice = 'auto' | DeviceReport['kind'];

export const DEVICE_CHOICES: readonly DeviceChoice[] = ['auto', 'webgpu', 'headlessgl', 'tensorflow', 'wasm', 'cpu'];

export interface EngineOptions {
  /** The controller's endpoint. */
  readonly controller: string;
  /** Where to bind the tasks socket: an `ipc://` path that does not exist yet, or `tcp://127.0.0.1:*`. */
  readonly tasks: string;
  /** Where to bind the control socket. */
  readonly control: string;
  readonly device: DeviceChoice;
  readonly gpu?: number;
  readonly softwareGpu?: boolean;
  readonly threads: number;
  /** The id to take over, when this engine replaces another. */
  readonly slot?: number;
  /** Milliseconds without the controller after which the engine exits; default 60 000. */
  readonly deathTimeout?: number;
  /** Bytes of finished results kept for clients that ask again; default 64 MiB. */
  readonly outboxBytes?: number;
}

/** Exit codes of an engine that its launcher can tell apart. */
export const ENGINE_EXIT = { ok: 0, failed: 1, badOptions: 2, replaced: 75 } as const;
