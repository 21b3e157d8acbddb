import { basename } from 'node:path';
import { withNote } from '../../../kernels/batch/note.ts';
import { contactSheet } from '../../../kernels/index.ts';
import { writeFileAtomic } from '../../util/atomic-write.ts';
import { shownPath } from '../../util/byte-names.ts';
import { numberText, type Shown, Spread } from './shown.ts';

/** The most pictures on a sheet: at about 10 kB each they stay small in memory, however long the batch is. */
const MOST = 256;
/** Side of a small picture, in pixels. */
export const SIDE = 160;

/** The contact sheet of a batch: a bounded number of small pictures, spread evenly over the whole batch. */
export class Sheet {
  readonly #path: string;
  readonly #total: number;
  readonly #spread: Spread;
  readonly #shown = new Map<number, Shown>();

  constructor(path: string, total: number) {
    this.#path = path;
    this.#total = total;
    this.#spread = new Spread(total, MOST);
  }

  /** Is the picture at this place of the batch on the sheet? */
  wants(order: number): boolean {
    return this.#spread.has(order);
  }

  add(shown: Shown): void {
    if (this.wants(shown.order)) this.#shown.set(shown.order, shown);
  }

  /** Writes the sheet in the order of the batch; without a picture, writes nothing. Gives a sentence for the user. */
  async write(): Promise<string | undefined> {
    if (this.#shown.size === 0) return undefined;
    const ordered = [...this.#shown.values()].sort((a, b) => a.order - b.order);
    const tiles = ordered.map((shown) => ({
      picture: shown.thumbnail,
      caption: captionOf(shown),
      error: shown.thumbnail === undefined ? (shown.error ?? 'no picture') : undefined,
    }));
    const sheet = await contactSheet(tiles, { side: SIDE });
    await writeFileAtomic(this.#path, withNote(sheet, { kind: 'sheet' }));
    if (ordered.length >= this.#total) return undefined;
    return `${this.#path} shows ${ordered.length} of ${this.#total} pictures, spread evenly`;
  }
}

function captionOf({ image, numbers }: Shown): string {
  const [first] = numbers;
  const name = shownPath(basename(image));
  return first === undefined ? name : `${name}\n${numberText(first[1])} ${first[0]}`;
}
