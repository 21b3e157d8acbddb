// Values as bodies of messages and back: a body is one structured-clone blob and the raw buffers beside it (values/).
// header-codec.ts has the headers.
import type { Parts } from '../comm/transport.ts';
import { ModuleFunction } from '../util/module-function.ts';
import type { ArgumentsOf, Method } from './methods.ts';
import type { TravellingName } from './travelling-names.ts';
import { builtIn } from './values/built-ins.ts';
import { faultError } from './values/fault-path.ts';
import { type AnyFunction, functionSource } from './values/functions.ts';
import { writePlainCall } from './values/plain-value.ts';
import { deserialize, type Revivers } from './values/value-deserializer.ts';
import { serialize } from './values/value-serializer.ts';

export type { Revivers } from './values/value-deserializer.ts';

/** A value on the wire: a blob, then raw buffers that are windows on the value's arrays. Empty: no value. */
export type Body = Parts;

/**
 * Any value as a body: what structured clone carries, and tensors, functions and classes (as source), references, and
 * errors with their fields, at any depth. Typed arrays and buffers of 1024 bytes or more become windows beside the
 * blob: they must not change until the message is sent. tf.Tensors are read and become Tensors.
 * @throws NotSerializableError that names the path of what cannot travel, such as `args[0].cb`
 */
export function encodeBody(value: unknown): Body {
  try {
    return serialize(value);
  } catch (error) {
    throw faultError(value, error, serialize);
  }
}

/**
 * The value of a body; an empty body is `undefined`. Large typed arrays and tensors are windows on the parts.
 * @throws ProtocolError for bytes that are not well formed; what a reviver throws passes as it is
 */
export function decodeBody(body: Body, revivers: Revivers): unknown {
  return body.length === 0 ? undefined : deserialize(body, revivers);
}

/** A method and its encoded arguments. They are made together, so that they cannot mismatch. */
export interface EncodedCall<M extends Method = Method> {
  readonly method: M;
  readonly body: Body;
  /** Names of a notebook that its functions use; they are on the engine before it runs. */
  readonly names?: readonly TravellingName[] | undefined;
}

/**
 * A call of an engine's method, as a task message carries it.
 * @throws NotSerializableError as encodeBody
 */
export function encodeCall<M extends Method>(method: M, args: ArgumentsOf<M>): EncodedCall<M> {
  try {
    return { method, body: plainCall(method, args) ?? serialize(withBuiltIn(args)) };
  } catch (error) {
    throw faultError(byName(args), error, serialize);
  }
}

/** The body of an `apply` whose arguments are short values: most calls have such ones, or none. */
function plainCall(method: Method, args: object): Body | undefined {
  if (method !== 'apply') return undefined;
  const { fn, args: given } = args as ArgumentsOf<'apply'>;
  if (typeof fn !== 'function' || fn instanceof ModuleFunction || builtIn(fn) !== undefined) return undefined;
  const blob = writePlainCall(functionSource(fn as AnyFunction), given);
  return blob && [blob];
}

// The function to call may be `Math.sqrt`: the engine has it.
function withBuiltIn(args: object): object {
  const fn = 'fn' in args ? builtIn(args.fn) : undefined;
  return fn === undefined ? args : { ...args, fn };
}

// The arguments of push as the user wrote them, so that a path begins with the name.
function byName(args: object): object {
  if (!('names' in args && 'values' in args)) return args;
  const { names, values } = args as ArgumentsOf<'push'>;
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

/**
 * As `encodeCall`, with copies of the arrays: the caller may change them at once.
 * @throws NotSerializableError as encodeBody
 */
export function encodeCopy<M extends Method>(method: M, args: ArgumentsOf<M>): EncodedCall<M> {
  return { method, body: withCopies(encodeBody(args)) };
}

/** The body with copies of its windows, which are somebody's arrays. The blob before them is fresh, and stays. */
export function withCopies(body: Body): Body {
  return body.map((part, i) => (i > 0 ? new Uint8Array(part) : part));
}

/**
 * The arguments of a task. They have the shape that `encodeCall` checked on a client of the same version; a verb that
 * depends on more checks it.
 * @throws as decodeBody
 */
export function decodeArguments<M extends Method>(_method: M, body: Body, revivers: Revivers): ArgumentsOf<M> {
  return decodeBody(body, revivers) as ArgumentsOf<M>;
}
