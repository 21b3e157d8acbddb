// Bodies that no serializer of ours writes: V8's format, with host objects of any content.
import { Serializer } from 'node:v8';
import { KIND } from '../../../src/protocol/values/wire-kinds.ts';

/** Writes a host object. */
type Writer = (to: Serializer) => void;

class Forge extends Serializer {
  readonly #writers: ReadonlyMap<object, Writer>;

  constructor(writers: ReadonlyMap<object, Writer>) {
    super();
    this.#writers = writers;
    this._setTreatArrayBufferViewsAsHostObjects(true);
  }

  _writeHostObject(object: object): void {
    this.#writers.get(object)?.(this);
  }
}

/** The blob of a value; `host` gives what stands in it for a host object. */
export function forged(make: (host: (write: Writer) => object) => unknown): Uint8Array {
  const writers = new Map<object, Writer>();
  const host = (write: Writer) => {
    const placeholder = new Uint8Array(1);
    writers.set(placeholder, write);
    return placeholder;
  };
  const value = make(host);
  const forge = new Forge(writers);
  forge.writeHeader();
  forge.writeValue(value);
  return forge.releaseBuffer();
}

/** A function with this source. */
export const fn =
  (source: string): Writer =>
  (to) => {
    to.writeUint32(KIND.function);
    to.writeValue(source);
  };

/** A tensor with this head, and so many bytes in the blob. */
export const tensor =
  (head: unknown, bytes: number): Writer =>
  (to) => {
    to.writeUint32(KIND.tensor);
    to.writeValue(head);
    to.writeUint32(0);
    to.writeUint32(bytes);
    to.writeRawBytes(new Uint8Array(bytes));
  };

/** A host object of that kind, and these numbers and texts. */
export const object =
  (...words: readonly (number | string)[]): Writer =>
  (to) => {
    for (const word of words) {
      if (typeof word === 'number') to.writeUint32(word);
      else to.writeValue(word);
    }
  };

/** A blob that nests arrays so many levels deep. */
export function nested(levels: number): Uint8Array {
  const blob = Buffer.alloc(2 + 3 * levels, Buffer.from('A\x01A\x01A\x01'));
  blob[0] = 0xff;
  blob[1] = 0x0f;
  return blob;
}

/** A blob with an array that claims 2^32 - 1 items, dense or with holes, and has none. */
export function claiming(kind: 'A' | 'a'): Uint8Array {
  const length = [0xff, 0xff, 0xff, 0xff, 0x0f];
  const end = kind === 'a' ? [0x40, 0x00, ...length] : [];
  return Buffer.from([0xff, 0x0f, kind.charCodeAt(0), ...length, ...end]);
}
