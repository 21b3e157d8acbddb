import { randomUUID } from 'node:crypto';
import type { Sinks, TextSink } from '../../../client/results/output/sinks.ts';
import type { StreamName } from '../../../client/results/output/text.ts';
import type { MimeBundle } from '../../../protocol/methods.ts';
import type { MessageHeader } from './message.ts';
import { jsonBundle, richValue, silent } from './rich.ts';
import type { Wire } from './wire.ts';

/** Something that stands in a notebook's output, and can be shown anew in its place. */
export interface DisplayHandle {
  readonly id: string;
  /** Shows another value in its place. */
  update(value: unknown): Promise<void>;
}

/** How `display` shows a value. */
export interface CellDisplayOptions {
  /** The name by which `update: true` finds it again; default: a new one. */
  readonly id?: string | undefined;
  /** Replace what was shown under this id. */
  readonly update?: boolean | undefined;
  /** The value is a bundle: MIME type → data. */
  readonly raw?: boolean | undefined;
}

type Write = typeof process.stdout.write;

/** A terminal wipes its line so; a page overwrites characters only. */
const WIPE = '\r\x1b[K';
const COLUMNS = 80;
const BLANK = `\r${' '.repeat(COLUMNS - 1)}\r`;

/**
 * The outputs of cells. Text belongs to the cell that runs; that of timers, when none runs, to the last one. While it is
 * open, `console.log` and `process.stdout.write` of this process print here.
 */
export class Outlet {
  readonly #wire: Wire;
  #cell: MessageHeader | undefined;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** From now on, outputs are those of this request. */
  begin(request: MessageHeader): void {
    this.#cell = request;
  }

  /** Takes over the text streams of this process; the returned function gives them back. */
  capture(): () => void {
    const restore = [this.#take('stdout'), this.#take('stderr')];
    return () => {
      for (const give of restore) give();
    };
  }

  #take(stream: StreamName): () => void {
    const original = process[stream].write;
    const write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      this.#print(stream, typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
      const called = typeof encoding === 'function' ? encoding : done;
      if (typeof called === 'function') process.nextTick(called as () => void);
      return true;
    };
    process[stream].write = write as Write;
    return () => {
      process[stream].write = original;
    };
  }

  #print(stream: StreamName, text: string): void {
    this.#wire.print(stream, text.replaceAll(WIPE, BLANK), this.#cell);
  }

  /** Where px writes what engines say. Pictures and pages are shown as such. */
  get sinks(): Sinks {
    const sink = (stream: StreamName): TextSink => ({
      isTTY: true,
      columns: COLUMNS,
      hasColors: () => false,
      write: (text) => this.#print(stream, text),
    });
    return { stdout: sink('stdout'), stderr: sink('stderr'), display: (bundle) => this.#show(bundle, {}) };
  }

  /** Shows a value below the cell, at once unless it makes itself ready first. @throws TypeError for what cannot be shown */
  display(value: unknown, options: CellDisplayOptions = {}): Promise<DisplayHandle> {
    return silent(this.#display(value, options));
  }

  async #display(value: unknown, { id = randomUUID(), update = false, raw = false }: CellDisplayOptions) {
    // Read now: while the value is made ready, another cell may begin.
    const cell = this.#cell;
    const made = raw ? jsonBundle(value as MimeBundle) : richValue(value);
    const bundle = made instanceof Promise ? await made : made;
    this.#show(bundle ?? { 'text/plain': 'undefined' }, { id, update }, cell);
    return { id, update: async (next: unknown) => void (await this.display(next, { id, raw, update: true })) };
  }

  #show(bundle: MimeBundle, { id, update }: CellDisplayOptions, cell = this.#cell): void {
    const transient = id === undefined ? {} : { display_id: id };
    const content = { data: jsonBundle(bundle), metadata: {}, transient };
    this.#wire.publish(update ? 'update_display_data' : 'display_data', content, cell);
  }

  /** Takes the outputs of the cell away; with `wait`, when the next one comes. */
  clear({ wait = false }: { readonly wait?: boolean } = {}): void {
    this.#wire.publish('clear_output', { wait }, this.#cell);
  }
}
