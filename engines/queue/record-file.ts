import { writeSync } from 'node:fs';
import type { EngineOptions } from '../../src/protocol/engine-options.ts';
import { FlightRecord, RECORD_FD } from '../../src/protocol/flight-record.ts';

/** The record that the launcher reads when this engine has died; undefined without such a launcher. */
export function recordFile({ record }: Pick<EngineOptions, 'record'>): FlightRecord | undefined {
  return record === true ? new FlightRecord(write) : undefined;
}

// A full disk, or user code that closed the descriptor, must not fail tasks.
function write(bytes: Uint8Array, position: number): void {
  try {
    writeSync(RECORD_FD, bytes, 0, bytes.byteLength, position);
  } catch {
    // The launcher finds an older entry.
  }
}
