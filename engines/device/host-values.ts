import { ContextError } from '../../src/errors.ts';
import { isTFTensor, type TFTensorLike } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../contexts/context.ts';
import { isDeviceTensor } from './residency.ts';

/** True for a tensor of this engine's context, and for a tf.Tensor. */
export function isOnDevice(value: unknown): value is DeviceTensor | TFTensorLike {
  return isDeviceTensor(value) || isTFTensor(value);
}

/** Reads a tensor back from the device; it stays there. */
export async function readBack(value: DeviceTensor | TFTensorLike): Promise<Tensor> {
  if (isDeviceTensor(value)) return value.toHost();
  // Asynchronously, because the webgpu backend of tfjs has no synchronous reads.
  const { data } = value as TFTensorLike & { data(): Promise<Tensor['data']> };
  return new Tensor(value.dtype as Tensor['dtype'], value.shape, await data.call(value));
}

/** The user's name of a value, if it has one. */
type NameOf = (value: unknown) => string | undefined;

/**
 * The value with all tensors on a device read back, at any depth of lists, plain objects, Maps and Sets: what leaves the
 * engine is data. A promise only where there are any; else the value itself. Errors name the tensor by `nameOf`.
 */
export function onHostOnly(value: unknown, nameOf: NameOf = () => undefined): unknown {
  return holdsDevice(value, new Set()) ? new HostCopy(nameOf).of(value) : value;
}

/** The error of a context with the name of the tensor that it is about; other errors as they are. */
export function named(error: unknown, name: string | undefined, verb: 'read' | 'used'): unknown {
  if (!(error instanceof ContextError) || name === undefined) return error;
  return new ContextError(`'${name}' cannot be ${verb}: ${error.message}`, { cause: error });
}

function holdsDevice(value: unknown, seen: Set<object>): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if (isOnDevice(value)) return true;
  if (!isContainer(value) || seen.has(value)) return false;
  seen.add(value);
  for (const item of itemsOf(value)) if (holdsDevice(item, seen)) return true;
  return false;
}

function isContainer(value: object): boolean {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function itemsOf(container: object): Iterable<unknown> {
  if (container instanceof Map) return [...container.keys(), ...container.values()];
  return Array.isArray(container) || container instanceof Set ? container : Object.values(container);
}

/** Copies containers, so that the user's own keep their tensors. Shared and circular references stay as they are. */
class HostCopy {
  readonly #made = new Map<object, unknown>();
  readonly #reads: Promise<void>[] = [];
  readonly #nameOf: NameOf;

  constructor(nameOf: NameOf) {
    this.#nameOf = nameOf;
  }

  async of(value: unknown): Promise<unknown> {
    let copy: unknown;
    this.#put(value, (made) => {
      copy = made;
    });
    await Promise.all(this.#reads);
    return copy;
  }

  /** Hands the copy of a value to its place, at once or when it has been read. */
  #put(value: unknown, place: (copy: unknown) => void): void {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) place(value);
    else if (isOnDevice(value)) this.#read(value, place);
    else place(isContainer(value) ? (this.#made.get(value) ?? this.#container(value)) : value);
  }

  #read(value: DeviceTensor | TFTensorLike, place: (copy: unknown) => void): void {
    const known = this.#made.get(value) as Promise<Tensor> | undefined;
    const reading =
      known ??
      readBack(value).catch((error: unknown) => {
        throw named(error, this.#nameOf(value), 'read');
      });
    this.#made.set(value, reading);
    this.#reads.push(reading.then(place));
  }

  #container(value: object): object {
    if (value instanceof Map) return this.#map(value);
    if (value instanceof Set) return this.#set(value);
    const copy: object = Array.isArray(value) ? new Array(value.length) : Object.create(Object.getPrototypeOf(value));
    this.#made.set(value, copy);
    for (const key of Object.keys(value)) {
      this.#put(Reflect.get(value, key), (made) => {
        Object.defineProperty(copy, key, { value: made, writable: true, enumerable: true, configurable: true });
      });
    }
    return copy;
  }

  // Entries go in once all of them are read, in their order.
  #map(value: Map<unknown, unknown>): object {
    const copy = new Map<unknown, unknown>();
    this.#made.set(value, copy);
    const entries = [...value].map(([key, item]) => ({ key, item }));
    for (const entry of entries) {
      this.#put(entry.key, (made) => Object.assign(entry, { key: made }));
      this.#put(entry.item, (made) => Object.assign(entry, { item: made }));
    }
    this.#reads.push(this.#settled().then(() => entries.forEach(({ key, item }) => void copy.set(key, item))));
    return copy;
  }

  #set(value: Set<unknown>): object {
    const copy = new Set<unknown>();
    this.#made.set(value, copy);
    const entries = [...value].map((item) => ({ item }));
    for (const entry of entries) this.#put(entry.item, (made) => Object.assign(entry, { item: made }));
    this.#reads.push(this.#settled().then(() => entries.forEach(({ item }) => void copy.add(item))));
    return copy;
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#reads);
  }
}
