import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RECORD_BYTES, readFlightRecord } from '../../../protocol/flight-record.ts';
import type { Fate } from '../../../protocol/messages/fate.ts';

/**
 * The launcher's end of an engine's flight record: a file without a name, which the engine inherits. Where none can be
 * made (a full disk), there is no record.
 */
export class RecordReader {
  /** The descriptor for the engine's process. */
  readonly fd: number | undefined = nameless();
  #fate: Fate | undefined;
  #isClosed = false;

  /** The record as it is now; after `close`, as it was then. */
  read(): Fate | undefined {
    if (this.fd !== undefined && !this.#isClosed) this.#fate = read(this.fd);
    return this.#fate;
  }

  /** Reads for the last time, and frees the file. Idempotent. */
  close(): void {
    this.read();
    if (this.fd !== undefined && !this.#isClosed) closeSync(this.fd);
    this.#isClosed = true;
  }
}

function nameless(): number | undefined {
  const path = join(tmpdir(), `directview-${randomUUID()}`);
  try {
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return fd;
  } catch {
    return undefined;
  }
}

function read(fd: number): Fate | undefined {
  const record = Buffer.alloc(RECORD_BYTES);
  try {
    return readFlightRecord(record.subarray(0, readSync(fd, record, 0, RECORD_BYTES, 0)));
  } catch {
    return undefined;
  }
}
