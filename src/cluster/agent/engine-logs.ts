import type { EngineId } from '../../protocol/messages.ts';
import { LogFile, logPath } from '../launchers/process/log-file.ts';

/** The logs of engines that agents look after, as files of the cluster's private folder. */
export class EngineLogs {
  readonly #runDir: string;
  readonly #files = new Map<EngineId, LogFile>();

  constructor(runDir: string) {
    this.#runDir = runDir;
  }

  /** Adds to an engine's log, which this makes where there is none. */
  write(slot: EngineId, text: string): void {
    const file = this.#files.get(slot) ?? new LogFile(logPath(this.#runDir, slot));
    this.#files.set(slot, file);
    file.write(text);
    file.close(); // one descriptor for each of many engines would be too many
  }
}
