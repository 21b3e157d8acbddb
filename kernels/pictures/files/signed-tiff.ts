const SAMPLE_FORMAT = 339;
const SHORT = 3;
const UNSIGNED = 1;
const SIGNED = 2;

/**
 * A copy of a TIFF file that says its signed samples are unsigned. libvips makes negative 16-bit grey 0, and reads the
 * bits unchanged this way. Undefined unless it is a TIFF file with signed samples.
 */
export function asUnsigned(bytes: Uint8Array): Uint8Array | undefined {
  const file = Uint8Array.from(bytes);
  const view = new DataView(file.buffer);
  const order = file.length < 16 ? '' : String.fromCharCode(file[0] as number, file[1] as number);
  if (order !== 'II' && order !== 'MM') return undefined;
  const tiff = new Tiff(view, order === 'II');
  return tiff.makeUnsigned() ? file : undefined;
}

/** The directories of a TIFF or BigTIFF file. */
class Tiff {
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #big: boolean;

  constructor(view: DataView, little: boolean) {
    this.#view = view;
    this.#little = little;
    this.#big = view.getUint16(2, little) === 43;
  }

  /** True if there were signed samples. */
  makeUnsigned(): boolean {
    let found = false;
    const seen = new Set<number>();
    for (let at = this.#offset(this.#big ? 8 : 4); at > 0 && !seen.has(at); at = this.#next(at)) {
      seen.add(at);
      for (const entry of this.#entries(at)) found = this.#patch(entry) || found;
    }
    return found;
  }

  #offset(at: number): number {
    return this.#big ? Number(this.#view.getBigUint64(at, this.#little)) : this.#view.getUint32(at, this.#little);
  }

  #count(at: number): number {
    return this.#big ? Number(this.#view.getBigUint64(at, this.#little)) : this.#view.getUint16(at, this.#little);
  }

  *#entries(at: number): Generator<number> {
    const [head, size] = this.#big ? [8, 20] : [2, 12];
    for (let i = 0; i < this.#count(at); i++) yield at + head + i * size;
  }

  #next(at: number): number {
    const [head, size] = this.#big ? [8, 20] : [2, 12];
    return this.#offset(at + head + this.#count(at) * size);
  }

  #patch(entry: number): boolean {
    const type = this.#view.getUint16(entry + 2, this.#little);
    if (this.#view.getUint16(entry, this.#little) !== SAMPLE_FORMAT || type !== SHORT) return false;
    const [count, field, inside] = this.#big
      ? [this.#offset(entry + 4), entry + 12, 4]
      : [this.#view.getUint32(entry + 4, this.#little), entry + 8, 2];
    const at = count <= inside ? field : this.#offset(field);
    let found = false;
    for (let i = 0; i < count; i++) {
      if (this.#view.getUint16(at + 2 * i, this.#little) !== SIGNED) continue;
      this.#view.setUint16(at + 2 * i, UNSIGNED, this.#little);
      found = true;
    }
    return found;
  }
}
