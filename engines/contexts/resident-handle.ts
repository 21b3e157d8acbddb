import type { DType } from '../../src/tensor/dtype.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** The part of a handle that its text needs. */
interface Handle {
  readonly dtype: DType;
  readonly shape: Shape;
  /** The kind of its context. */
  readonly device: string;
  free(): void;
}

const INSPECT = Symbol.for('nodejs.util.inspect.custom');
const JUPYTER = Symbol.for('Jupyter.display');
/** Members that a handle has itself. */
const OWN = ['constructor', 'toString', 'byteLength', 'dtype', 'shape'];

/**
 * Gives a class of tensors on a device a text, and a TypeError that names `toHost` wherever code wants the values: for
 * each member of Tensor, in loops, and in arithmetic.
 */
export function explainHandle(prototype: Handle): void {
  const members = Object.getOwnPropertyNames(Tensor.prototype).filter(
    (name) => !OWN.includes(name) && !(name in prototype),
  );
  for (const name of ['data', ...members]) refuse(prototype, name, `.${name}`);
  refuse(prototype, Symbol.iterator, ' in a loop');
  // The name that gpu.js has for it.
  define(prototype, 'delete', function (this: Handle) {
    this.free();
  });
  define(prototype, 'toString', function (this: Handle) {
    return textOf(this);
  });
  define(prototype, INSPECT, function (this: Handle) {
    return textOf(this);
  });
  define(prototype, JUPYTER, function (this: Handle) {
    return { 'text/plain': textOf(this) };
  });
  define(prototype, Symbol.toPrimitive, function (this: Handle, hint: string) {
    if (hint === 'string') return textOf(this);
    throw noValues(this, ' in arithmetic');
  });
}

function refuse(prototype: object, key: PropertyKey, use: string): void {
  const get = function (this: Handle): never {
    throw noValues(this, use);
  };
  Object.defineProperty(prototype, key, { get, configurable: true });
}

function define(prototype: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(prototype, key, { value, writable: true, configurable: true });
}

function textOf({ dtype, shape, device }: Handle): string {
  return `${dtype}[${shape.join('×')}] on the device (${device}): await x.toHost()`;
}

function noValues(handle: Handle, use: string): TypeError {
  const { dtype, shape, device } = handle;
  return new TypeError(
    `x${use}: the values of this ${dtype}[${shape.join('×')}] are on the device (${device}): (await x.toHost()) is a Tensor`,
  );
}
