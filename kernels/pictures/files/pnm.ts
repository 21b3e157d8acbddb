import type { Samples } from './samples.ts';

const WHITESPACE = /\s/;

/**
 * The picture of a PBM, PGM or PPM file (P1 to P6); undefined for another file.
 * @throws Error for a file that is cut short or has no proper header
 */
export function decodePnm(bytes: Uint8Array, maxPixels: number): Samples | undefined {
  const kind = bytes[0] === 0x50 && WHITESPACE.test(String.fromCharCode(bytes[2] ?? 0)) ? (bytes[1] as number) - 48 : 0;
  if (kind < 1 || kind > 6) return undefined;
  const reader = new Numbers(bytes, 2);
  const [cols, rows] = [reader.next(), reader.next()];
  const bitmap = kind === 1 || kind === 4;
  const white = bitmap ? 1 : reader.next();
  if (cols < 1 || rows < 1 || white < 1 || white > 65535) throw new Error('its header is damaged');
  if (cols * rows > maxPixels) throw new Error('exceeds pixel limit');
  const channels = kind % 3 === 0 ? 3 : 1;
  const count = rows * cols * channels;
  const size = { rows, cols, channels, white };
  // A bitmap has 1 for black.
  if (kind === 1) return { ...size, data: Uint8Array.from({ length: count }, () => 1 - reader.bit()) };
  if (kind < 4) return { ...size, data: Uint16Array.from({ length: count }, () => reader.next()) };
  const body = bytes.subarray(reader.at + 1);
  if (kind === 4) return { ...size, data: bits(body, rows, cols) };
  const wide = white > 255;
  if (body.length < count * (wide ? 2 : 1)) throw new Error('it is cut short');
  if (!wide) return { ...size, data: body.subarray(0, count) };
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return { ...size, data: Uint16Array.from({ length: count }, (_, i) => view.getUint16(2 * i)) };
}

/** One bit for each pixel; each row begins with a new byte. */
function bits(body: Uint8Array, rows: number, cols: number): Uint8Array {
  const stride = Math.ceil(cols / 8);
  if (body.length < stride * rows) throw new Error('it is cut short');
  return Uint8Array.from({ length: rows * cols }, (_, i) => {
    const col = i % cols;
    const byte = body[Math.floor(i / cols) * stride + (col >> 3)] as number;
    return 1 - ((byte >> (7 - (col & 7))) & 1);
  });
}

/** The numbers of a file in text, with comments between them. */
class Numbers {
  readonly #bytes: Uint8Array;
  /** The byte after the last number. */
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  #skip(): void {
    for (; this.at < this.#bytes.length; this.at++) {
      const byte = this.#bytes[this.at] as number;
      if (byte === 0x23) while (this.at < this.#bytes.length && this.#bytes[this.at] !== 0x0a) this.at++;
      else if (!WHITESPACE.test(String.fromCharCode(byte))) return;
    }
  }

  #digit(): number {
    const digit = (this.#bytes[this.at] ?? 0) - 48;
    return digit >= 0 && digit <= 9 ? digit : -1;
  }

  next(): number {
    this.#skip();
    if (this.#digit() < 0) throw new Error('it is cut short or damaged');
    let value = 0;
    for (; this.#digit() >= 0; this.at++) value = 10 * value + this.#digit();
    return value;
  }

  /** Digits of a bitmap may stand without spaces between them. */
  bit(): number {
    this.#skip();
    const digit = this.#digit();
    if (digit !== 0 && digit !== 1) throw new Error('it is cut short or damaged');
    this.at++;
    return digit;
  }
}
