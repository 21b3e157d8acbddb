import { createHash } from 'node:crypto';
import { basename, dirname, extname, join, parse, relative, resolve, sep } from 'node:path';
import { type Note, noteOf } from '../../../kernels/batch/note.ts';
import type { OutputStyle } from '../../../kernels/batch/output-style.ts';
import { ClusterError } from '../../errors.ts';
import { bytesOfName, nameOfBytes, shownPath } from '../../util/byte-names.ts';
import type { Item } from '../item.ts';

/** Bytes that a file name may have. */
const NAME_BYTES = 255;
const ENDINGS: Readonly<Record<OutputStyle['format'], readonly string[]>> = {
  png: ['.png'],
  jpeg: ['.jpg', '.jpeg', '.jpe', '.jfif'],
  webp: ['.webp'],
  tiff: ['.tif', '.tiff'],
};

/** The folder for the files of a batch, and how they are named. */
export interface PlacesOptions {
  readonly out: string;
  /** The folder whose tree is mirrored; default: the folder that was searched for the picture. */
  readonly root?: string | undefined;
  readonly format: OutputStyle['format'];
  /** May files be replaced that no batch has made? */
  readonly overwrite: boolean;
}

/** The place of one picture's files. */
export interface Place {
  readonly drawTo: string;
  /** The path without the ending of the drawing: other files are named after it. */
  readonly filesAt: string;
  /** The note of the file that is there already; null: there is none. */
  readonly note: Note | undefined | null;
}

/**
 * Gives each picture a place below the folder `out`, that mirrors the place of the picture below its root. A place that
 * belongs to another picture, in this run or by an earlier one, is not given again: then the names of the folders above
 * the root come before it, as many as are needed.
 */
export class Places {
  readonly #options: PlacesOptions;
  readonly #out: string;
  readonly #sources: ReadonlySet<string>;
  readonly #taken = new Set<string>();

  constructor(options: PlacesOptions, items: readonly Item[]) {
    this.#options = options;
    this.#out = resolve(options.out);
    this.#sources = new Set(items.map(({ path }) => path));
  }

  /** The place for the picture's files. @throws ClusterError when a file that is not ours would be lost */
  async of(item: Item): Promise<Place> {
    for (const name of this.#names(item)) {
      const filesAt = join(this.#out, fitted(name));
      const drawTo = this.#drawing(filesAt);
      if (this.#taken.has(drawTo)) continue;
      if (this.#sources.has(drawTo)) throw this.#refusal(drawTo, 'which is one of the pictures');
      const note = await noteOf(drawTo);
      if (note === undefined && !this.#options.overwrite) throw this.#refusal(drawTo, 'which no batch has made');
      if (note?.path !== undefined && note.path !== item.path) continue;
      this.#taken.add(drawTo);
      return { drawTo, filesAt, note };
    }
    throw this.#refusal(item.path, 'all names for it belong to other pictures');
  }

  #refusal(path: string, why: string): ClusterError {
    return new ClusterError(`--out would overwrite ${shownPath(path)}, ${why}: choose another folder`);
  }

  /** The path below the root; then with the name of the root before it, and so on upward. */
  *#names({ path, base }: Item): Generator<string, void, undefined> {
    const root = resolve(this.#options.root ?? base);
    let name = relative(root, path);
    if (name.startsWith(`..${sep}`)) throw new ClusterError(`${shownPath(path)} is not below --root ${root}`);
    yield name;
    for (let above = root; above !== parse(above).root; above = dirname(above)) {
      name = join(basename(above), name);
      yield name;
    }
  }

  /** `a.png` → `a.png`; `a.jpg` → `a.jpg.png`, because there may be an `a.png` beside it. */
  #drawing(path: string): string {
    const endings = ENDINGS[this.#options.format];
    if (endings.includes(extname(path).toLowerCase())) return path;
    return fitted(path, endings[0]);
  }
}

/** The path with the ending behind it; a name that would be too long is shortened, and told apart by a digest. */
function fitted(path: string, ending = ''): string {
  const name = basename(path);
  if (bytesOfName(name).length + ending.length <= NAME_BYTES) return path + ending;
  const digest = `~${createHash('sha256').update(bytesOfName(name)).digest('hex').slice(0, 10)}`;
  const room = NAME_BYTES - digest.length - ending.length;
  return join(dirname(path), `${cut(bytesOfName(name), room)}${digest}${ending}`);
}

/** At most so many bytes, without half a character at the end. */
function cut(bytes: Buffer, room: number): string {
  let end = room;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return nameOfBytes(bytes.subarray(0, end));
}
