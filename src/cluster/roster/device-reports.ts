import { createHash } from 'node:crypto';
import type { DeviceReport } from '../../protocol/messages/engine-record.ts';

interface Kept {
  readonly device: DeviceReport;
  /** Engines that have it. */
  engines: number;
}

/** A device report that engines share, and its name on the wire. */
export interface SharedReport {
  readonly hash: string;
  readonly device: DeviceReport;
}

/** The device reports of the live engines, each once: those of a cluster are mostly equal. */
export class DeviceReports {
  readonly #kept = new Map<string, Kept>();

  /** Another engine has this report: gives the one object for all equal ones. */
  take(device: DeviceReport): SharedReport {
    const hash = createHash('sha256').update(JSON.stringify(device)).digest('base64url');
    const kept = this.#kept.get(hash) ?? { device, engines: 0 };
    kept.engines++;
    this.#kept.set(hash, kept);
    return { hash, device: kept.device };
  }

  /** One engine less has it. */
  release(hash: string): void {
    const kept = this.#kept.get(hash);
    if (kept !== undefined && --kept.engines === 0) this.#kept.delete(hash);
  }
}
