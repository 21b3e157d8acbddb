import { accessSync, appendFileSync, constants, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomicSync } from '../../src/util/atomic-write.ts';

/** One measured line. */
export interface Row {
  /** The part that measured it. */
  readonly part: string;
  /** True: its values were compared with a reference. A text is the fault. Undefined: nothing to compare. */
  readonly verified?: true | string | undefined;
  readonly [field: string]: unknown;
}

/** The outcome of a part: its exit code or signal, or the reason why it did not run. */
export interface PartOutcome {
  readonly part: string;
  readonly seconds: number;
  readonly code?: number | string | undefined;
  readonly skipped?: string | undefined;
  /** The last lines of its output, where it failed. */
  readonly words?: string | undefined;
}

/**
 * Writes what is measured into a folder at once: a line of `checkup.jsonl` for each row, `log.txt`, and `checkup.json` with
 * all of it after each part. A run that is killed loses nothing but the row that it was at. Where the disk is full the run goes
 * on: its rows are printed, too.
 */
export class Recorder {
  readonly rows: Row[] = [];
  readonly parts: PartOutcome[] = [];
  readonly #folder: string;
  readonly #head: Record<string, unknown>;
  /** The reason why something could not be written. */
  fault: string | undefined;

  /** @param head what the JSON begins with. @throws the error of node:fs where the folder cannot be made or written */
  constructor(folder: string, head: Readonly<Record<string, unknown>>) {
    this.#folder = folder;
    this.#head = { ...head };
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.X_OK);
    for (const name of ['checkup.jsonl', 'log.txt', 'seed.ts']) rmSync(join(folder, name), { force: true });
    this.save();
  }

  /** Writes one row down. */
  row(row: Row): void {
    this.rows.push(row);
    this.#append('checkup.jsonl', `${JSON.stringify(row)}\n`);
  }

  /** Adds output of a part to the log. */
  log(text: string): void {
    this.#append('log.txt', text);
  }

  /** Keeps the outcome of a part. */
  part(outcome: PartOutcome): void {
    this.parts.push(outcome);
    this.save();
  }

  /** Adds to the head of the JSON. */
  note(head: Readonly<Record<string, unknown>>): void {
    Object.assign(this.#head, head);
    this.save();
  }

  /** Writes a file beside the JSON. */
  file(name: string, text: string): void {
    // The old file stays where the new one finds no room.
    this.#try(() => writeFileAtomicSync(join(this.#folder, name), text));
  }

  #append(name: string, text: string): void {
    this.#try(() => appendFileSync(join(this.#folder, name), text));
  }

  #try(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.fault ??= (error as Error).message;
    }
  }

  /** Rewrites the JSON. */
  save(): void {
    const all = { ...this.#head, parts: this.parts, rows: this.rows };
    this.file('checkup.json', `${JSON.stringify(all, null, 2)}\n`);
  }
}
