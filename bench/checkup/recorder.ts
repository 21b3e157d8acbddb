import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
}

/**
 * Writes what is measured into a folder at once: a line of `checkup.jsonl` for each row, `log.txt`, and `checkup.json` with
 * all of it after each part. A run that is killed loses nothing but the row that it was at.
 */
export class Recorder {
  readonly rows: Row[] = [];
  readonly parts: PartOutcome[] = [];
  readonly #folder: string;
  readonly #head: Record<string, unknown>;

  /** @param head what the JSON begins with */
  constructor(folder: string, head: Readonly<Record<string, unknown>>) {
    this.#folder = folder;
    this.#head = { ...head };
    mkdirSync(folder, { recursive: true });
    for (const name of ['checkup.jsonl', 'log.txt', 'seed.ts']) rmSync(join(folder, name), { force: true });
    this.save();
  }

  /** Writes one row down. */
  row(row: Row): void {
    this.rows.push(row);
    appendFileSync(join(this.#folder, 'checkup.jsonl'), `${JSON.stringify(row)}\n`);
  }

  /** Adds output of a part to the log. */
  log(text: string): void {
    appendFileSync(join(this.#folder, 'log.txt'), text);
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
    writeFileSync(join(this.#folder, name), text);
  }

  /** Rewrites the JSON. */
  save(): void {
    const all = { ...this.#head, parts: this.parts, rows: this.rows };
    this.file('checkup.json', `${JSON.stringify(all, null, 2)}\n`);
  }
}
