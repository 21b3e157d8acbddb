// The contact sheet of a batch: a bounded number of small pictures, evenly over the whole batch.
import { writeFile } from 'node:fs/promises';
import { contactSheet } from '../../../kernels/index.ts';

/** At about 30 kB each, what is held stays small however long the batch is. */
const MOST = 256;
export const SIDE = 160;

export class Sheet {
  readonly #path: string;
  readonly #step: number;
  readonly #small = new Map<number, Uint8Array>();

  constructor(path: string, total: number) {
    this.#path = path;
    this.#step = Math.max(1, total / MOST);
  }

  /** Is the picture at this place of the batch on the sheet? */
  wants(place: number): boolean {
    return Math.floor(place / this.#step) !== Math.floor((place - 1) / this.#step);
  }

  add(place: number, thumbnail: Uint8Array): void {
    this.#small.set(place, thumbnail);
  }

  /** In the order of the batch. No picture, no sheet. */
  async write(): Promise<void> {
    if (this.#small.size === 0) return;
    const ordered = [...this.#small].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    await writeFile(this.#path, await contactSheet(ordered, { side: SIDE }));
  }
}
