import { writeFile } from 'node:fs/promises';
import { contactSheet } from '../../../kernels/index.ts';

/** The most pictures on a sheet: at about 30 kB each they stay small in memory, however long the batch is. */
const MOST = 256;
/** Side of a small picture, in pixels. */
export const SIDE = 160;

/** The contact sheet of a batch: a bounded number of small pictures, spread evenly over the whole batch. */
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

  /** Writes the sheet in the order of the batch; without a picture, writes nothing. */
  async write(): Promise<void> {
    if (this.#small.size === 0) return;
    const ordered = [...this.#small].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    await writeFile(this.#path, await contactSheet(ordered, { side: SIDE }));
  }
}
