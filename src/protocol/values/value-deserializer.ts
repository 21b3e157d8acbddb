// Blob and buffers of a peer become a value. Every index, length and shape is checked before it is used.
import { URL, URLSearchParams } from 'node:url';
import { Deserializer } from 'node:v8';
import { ProtocolError } from '../../errors.ts';
import { assertDType, type DType, itemSize, viewAs } from '../../tensor/dtype.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { NOT_PLAIN, readPlain, readPlainCall } from './plain-value.ts';
import { put } from './specials.ts';
import { ERROR_CLASSES, KIND, VIEW_KINDS } from './wire-kinds.ts';

/** Make values of the parts that travel as text. Their errors reach the caller of `decodeBody` unchanged. */
export interface Revivers {
  /** A function, from its source. */
  fn(source: string): unknown;
  /** A reference, from its expression. */
  ref(expression: string): unknown;
  /** A function that a module exports. */
  module(url: string, name: string): unknown;
  /** Refuse objects with functions that JavaScript calls by itself: HOOKS. */
  readonly refusesHooks?: boolean | undefined;
}

/** `await` calls the first, JSON.stringify the second, templates and arithmetic the others. */
const HOOKS = ['then', 'toJSON', 'toString', 'valueOf'] as const;

// V8 wants an object for a host object; a reviver may give a primitive.
class Box {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

class ValueDeserializer extends Deserializer {
  readonly #parts: readonly Uint8Array[];
  readonly #revivers: Revivers;
  readonly errors = new Map<number, Error>();
  /** Objects that revivers made: not ours to look into. */
  readonly foreign = new Set<unknown>();
  boxes = 0;
  failure: { readonly error: unknown } | undefined;

  constructor(parts: readonly Uint8Array[], revivers: Revivers) {
    super(parts[0] as Uint8Array);
    this.#parts = parts;
    this.#revivers = revivers;
  }

  /** Called by V8 for every object that our serializer wrote itself. */
  _readHostObject(): object {
    const kind = this.readUint32();
    if (kind === KIND.view) return this.#view();
    if (kind === KIND.tensor) return this.#tensor();
    if (kind === KIND.buffer) return this.#buffer();
    if (kind === KIND.error) return this.#error();
    if (kind === KIND.url) return new URL(this.#text());
    if (kind === KIND.query) return new URLSearchParams(this.#text());
    return this.#revived(kind);
  }

  #view(): object {
    const index = this.readUint32();
    const kind = VIEW_KINDS[index];
    if (kind === undefined) throw new ProtocolError(`no array of kind ${index}`);
    const bytes = this.#bytes();
    checkItems(bytes, kind.itemBytes, kind.name);
    // A copy where the part starts at an odd place: typed arrays must be aligned. Transports of ours align.
    const aligned = bytes.byteOffset % kind.itemBytes === 0 ? bytes : new Uint8Array(bytes);
    return kind.view(aligned.buffer, aligned.byteOffset, bytes.byteLength / kind.itemBytes);
  }

  #tensor(): object {
    const head: unknown = this.readValue();
    if (!Array.isArray(head)) throw new ProtocolError('a tensor without dtype and shape');
    const [dtype, ...shape] = head as [DType, ...number[]];
    assertDType(dtype);
    const bytes = this.#bytes();
    checkItems(bytes, itemSize(dtype), dtype);
    checkShape(shape, bytes.byteLength / itemSize(dtype));
    return new Tensor(dtype, shape, viewAs(dtype, bytes));
  }

  // A copy: a received part is a window, and an ArrayBuffer cannot be one.
  #buffer(): object {
    return new Uint8Array(this.#bytes()).buffer;
  }

  #error(): object {
    const kind = this.readUint32();
    const type = ERROR_CLASSES[kind];
    if (type === undefined) throw new ProtocolError(`no error of kind ${kind}`);
    const error = type === AggregateError ? new AggregateError([]) : new (type as ErrorConstructor)();
    this.errors.set(this.readUint32(), error);
    return error;
  }

  #revived(kind: number): object {
    const text = this.#text();
    const name = kind === KIND.module ? this.#text() : '';
    const value = this.#revive(kind, text, name);
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      this.foreign.add(value);
      return value;
    }
    this.boxes++;
    return new Box(value);
  }

  #revive(kind: number, text: string, name: string): unknown {
    try {
      if (kind === KIND.function) return this.#revivers.fn(text);
      if (kind === KIND.ref) return this.#revivers.ref(text);
      if (kind === KIND.module) return this.#revivers.module(text, name);
    } catch (error) {
      this.failure = { error };
      throw error;
    }
    throw new ProtocolError(`no object of kind ${kind}`);
  }

  #text(): string {
    const text: unknown = this.readValue();
    if (typeof text !== 'string') throw new ProtocolError(`text expected in the body, not ${typeof text}`);
    return text;
  }

  #bytes(): Uint8Array {
    const index = this.readUint32();
    // A copy of what stands inline: it is small, may be misaligned, and a window would keep the whole blob alive.
    if (index === 0) return new Uint8Array(this.readRawBytes(this.readUint32()));
    const part = this.#parts[index];
    if (part === undefined) throw new ProtocolError(`buffer ${index} of ${this.#parts.length - 1}`);
    return part;
  }
}

function checkItems(bytes: Uint8Array, itemBytes: number, name: string): void {
  if (bytes.byteLength % itemBytes === 0) return;
  throw new ProtocolError(`${bytes.byteLength} bytes do not divide into ${name} items`);
}

function checkShape(shape: readonly unknown[], items: number): void {
  const whole = shape.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
  const size = whole ? sizeOf(shape as number[]) : Number.NaN;
  if (Number.isSafeInteger(size) && size === items) return;
  throw new ProtocolError(`a tensor of shape [${shape.map(String)}] with ${items} items`);
}

/** @throws ProtocolError for bytes that no serializer of ours wrote; what a reviver throws passes as it is */
export function deserialize(parts: readonly Uint8Array[], revivers: Revivers): unknown {
  if (parts.length === 1) {
    const blob = parts[0] as Uint8Array;
    const value = readPlain(blob);
    if (value !== NOT_PLAIN) return value;
    const call = readPlainCall(blob);
    if (call !== undefined) return { fn: revivers.fn(call.source), args: call.args };
  }
  const reader = new ValueDeserializer(parts, revivers);
  try {
    reader.readHeader();
    const value: unknown = reader.readValue();
    if (reader.errors.size > 0) fillErrors(reader.errors, reader.readValue());
    const whole = reader.boxes > 0 ? unbox(value, new Set(reader.foreign)) : value;
    if (revivers.refusesHooks === true && reader.foreign.size > 0) refuseHooks(whole, new Set(reader.foreign));
    return whole;
  } catch (error) {
    if (reader.failure !== undefined) throw reader.failure.error;
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError(`a body that cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function fillErrors(errors: ReadonlyMap<number, Error>, table: unknown): void {
  if (!Array.isArray(table)) throw new ProtocolError('errors without their fields');
  for (const [index, error] of errors) {
    const fields: unknown = table[index];
    if (!Array.isArray(fields)) throw new ProtocolError(`no fields of error ${index}`);
    for (const field of fields) setField(error, field);
  }
}

function setField(error: Error, field: unknown): void {
  const [name, enumerable, value] = Array.isArray(field) ? field : [];
  if (typeof name !== 'string') throw new ProtocolError('an error field without a name');
  // The class has this name already: as a field of the instance it would show in `console.log`.
  if (name === 'name' && value === error.name) return;
  Object.defineProperty(error, name, { value, enumerable: enumerable === true, writable: true, configurable: true });
}

/** @throws ProtocolError for a function of the peer that would run without being called */
function refuseHooks(value: unknown, seen: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return;
  seen.add(value);
  const hook = HOOKS.find((name) => Object.hasOwn(value, name) && typeof Reflect.get(value, name) === 'function');
  if (hook !== undefined) throw new ProtocolError(`it has a function '${hook}', which JavaScript would call by itself`);
  if (value instanceof Map) for (const entry of value) for (const item of entry) refuseHooks(item, seen);
  else if (value instanceof Set) for (const item of value) refuseHooks(item, seen);
  if (value instanceof Tensor || value instanceof ArrayBuffer) return;
  for (const key of Object.getOwnPropertyNames(value)) refuseHooks(Reflect.get(value, key), seen);
}

// In place: everything below is fresh from the wire, except what revivers made (`seen` holds it from the start).
function unbox(value: unknown, seen: Set<unknown>): unknown {
  if (value instanceof Box) return value.value;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return value;
  seen.add(value);
  if (value instanceof Map) unboxMap(value, seen);
  else if (value instanceof Set) unboxSet(value, seen);
  else unboxFields(value, seen);
  return value;
}

// Emptied and filled again, because a key cannot be replaced without changing the order.
function unboxMap(map: Map<unknown, unknown>, seen: Set<unknown>): void {
  const entries = [...map];
  map.clear();
  for (const [key, item] of entries) map.set(unbox(key, seen), unbox(item, seen));
}

function unboxSet(set: Set<unknown>, seen: Set<unknown>): void {
  const items = [...set];
  set.clear();
  for (const item of items) set.add(unbox(item, seen));
}

function unboxFields(object: object, seen: Set<unknown>): void {
  if (object instanceof Tensor || object instanceof ArrayBuffer) return;
  for (const key of Object.getOwnPropertyNames(object)) {
    const value: unknown = Reflect.get(object, key);
    const bare = unbox(value, seen);
    if (bare !== value) put(object, key, bare);
  }
}
