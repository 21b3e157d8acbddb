// A value becomes one structured-clone blob and the raw buffers beside it. The buffers are windows on the value's arrays,
// not copies. V8's serializer does this because it hands every view, at any depth, to `_writeHostObject` in its one walk.
// msgpackr and superjson copy arrays into their own output, or need a second walk to find them
// (docs/decisions/v8-serializer.md).
import { URL, URLSearchParams } from 'node:url';
import { Serializer } from 'node:v8';
import { NotSerializableError } from '../../errors.ts';
import { bytesOf } from '../../tensor/dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ModuleFunction } from '../../util/module-function.ts';
import { writePlain } from './plain-value.ts';
import { Ref } from './ref.ts';
import { hasSpecials, INLINE_BYTES, Replacer, type Special } from './specials.ts';
import { KIND, viewKind } from './wire-kinds.ts';

const NONE: ReadonlyMap<ArrayBufferView, Special> = new Map();

// The method that the type declarations leave out.
declare module 'node:v8' {
  interface Serializer {
    _setTreatArrayBufferViewsAsHostObjects(flag: true): void;
  }
}

class ValueSerializer extends Serializer {
  readonly buffers: Uint8Array[] = [];
  readonly #specials: ReadonlyMap<ArrayBufferView, Special>;

  constructor(specials: ReadonlyMap<ArrayBufferView, Special>) {
    super();
    this.#specials = specials;
    this._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /** Called by V8 for every view (placeholders are views too) and for native handles. */
  _writeHostObject(object: object): void {
    if (!ArrayBuffer.isView(object)) throw new NotSerializableError('a native handle cannot travel');
    const special = this.#specials.get(object);
    if (special === undefined) this.#view(object);
    else this.#special(special);
  }

  #view(view: ArrayBufferView): void {
    const kind = viewKind(view);
    if (kind === undefined) throw new NotSerializableError(`a ${view.constructor.name} cannot travel`);
    this.writeUint32(KIND.view);
    this.writeUint32(kind);
    this.#bytes(bytesOf(view));
  }

  #special(special: Special): void {
    if ('source' in special) this.#text(KIND.function, special.source);
    else if (special instanceof Tensor) this.#tensor(special);
    else if (special instanceof Ref) this.#text(KIND.ref, special.expression);
    else if (special instanceof ModuleFunction) this.#text(KIND.module, special.url, special.name);
    else if (special instanceof ArrayBuffer) this.#buffer(special);
    else if (special instanceof URL) this.#text(KIND.url, special.href);
    else if (special instanceof URLSearchParams) this.#text(KIND.query, special.toString());
    else this.#error(special.error, special.kind);
  }

  #text(kind: number, ...texts: readonly string[]): void {
    this.writeUint32(kind);
    for (const text of texts) this.writeValue(text);
  }

  #tensor(tensor: Tensor): void {
    this.writeUint32(KIND.tensor);
    this.writeValue([tensor.dtype, ...tensor.shape]);
    this.#bytes(bytesOf(tensor.data));
  }

  #buffer(buffer: ArrayBuffer): void {
    this.writeUint32(KIND.buffer);
    this.#bytes(new Uint8Array(buffer));
  }

  #error(index: number, kind: number): void {
    this.writeUint32(KIND.error);
    this.writeUint32(kind);
    this.writeUint32(index);
  }

  // Part 0 is the blob itself, so that index 0 is free to say: inline.
  #bytes(bytes: Uint8Array): void {
    const inline = bytes.byteLength < INLINE_BYTES;
    this.writeUint32(inline ? 0 : this.buffers.push(bytes));
    if (!inline) return;
    this.writeUint32(bytes.byteLength);
    this.writeRawBytes(bytes);
  }
}

/** The blob, then the raw buffers. Its errors do not say where in the value the fault is: fault-path.ts finds that out. */
export function serialize(value: unknown): Uint8Array[] {
  if (typeof value !== 'object' || value === null) {
    const plain = writePlain(value);
    if (plain !== undefined) return [plain];
  }
  if (!hasSpecials(value)) return write(new ValueSerializer(NONE), value);
  const replacer = new Replacer();
  const replaced = replacer.replace(value);
  return write(new ValueSerializer(replacer.specials), replaced, replacer.errorFields);
}

function write(serializer: ValueSerializer, value: unknown, errorFields: readonly unknown[] = []): Uint8Array[] {
  serializer.writeHeader();
  serializer.writeValue(value);
  // One stream, so that fields of errors may point back into the value.
  if (errorFields.length > 0) serializer.writeValue(errorFields);
  return [serializer.releaseBuffer(), ...serializer.buffers];
}
