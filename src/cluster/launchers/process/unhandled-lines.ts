import { UNHANDLED_MARK } from '../../../protocol/engine-options.ts';

const MAX_LINE = 65_536;

/** Finds the lines of an engine's output that report errors which nobody handled. */
export class UnhandledLines {
  #rest = '';

  /** The reports that are complete with this chunk, without their mark. */
  write(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    return lines.filter((line) => line.startsWith(UNHANDLED_MARK)).map((line) => line.slice(UNHANDLED_MARK.length));
  }
}
