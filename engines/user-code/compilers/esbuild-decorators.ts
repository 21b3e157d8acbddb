// Decorators as esbuild compiles them, after the helpers that it prints: the standard's, and TypeScript's older ones.
import { tslib } from './tslib.ts';

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Initializers = Call[];
/** Lists of initializers by their number. Entry 3 is the metadata of the class. */
type Lists = (Initializers | object | null | undefined)[];

/** Kinds by their number in the flags of an element. */
const KINDS = ['class', 'method', 'getter', 'setter', 'accessor', 'field'] as const;
const METADATA = 3;
/** Flags of an element beside the number of its kind. */
const STATIC = 8;
const PRIVATE = 16;
const HAS_METADATA: symbol = (Reflect.get(Symbol, 'metadata') as symbol | undefined) ?? Symbol.for('Symbol.metadata');

/** A class, or a member of one, that is being decorated. */
interface Element {
  readonly kind: (typeof KINDS)[number];
  readonly name: string;
  readonly isStatic: boolean;
  readonly isPrivate: boolean;
  /** The class itself, the object with the member, or the map of a private member. */
  target: object;
  /** The function of a private method, or the map of an accessor's values. */
  extra: unknown;
  descriptor: PropertyDescriptor | undefined;
}

/** Where the value of an element lies in its descriptor. */
const PLACES = { method: 'value', getter: 'get', setter: 'set' } as const;

function decoratorStart(base: object | null | undefined): Lists {
  const inherited = (base ?? {}) as Record<symbol, object | undefined>;
  return [undefined, undefined, undefined, Object.create(inherited[HAS_METADATA] ?? null) as object];
}

function ofEsbuild(lists: Lists, flags: number, self: unknown, value: unknown): unknown {
  const all = (lists[flags >> 1] ?? []) as Initializers;
  let result = value;
  for (const one of all) {
    if ((flags & 1) !== 0) one.call(self);
    else result = one.call(self, result);
  }
  return result;
}

// tsc has a helper of that name, too: its second argument is a list.
function runInitializers(first: unknown, second: unknown, ...rest: unknown[]): unknown {
  if (typeof second === 'number') return ofEsbuild(first as Lists, second, rest[0], rest[1]);
  return (tslib()['__runInitializers'] as Call)(first, second, ...rest);
}

function functionOrNothing(value: unknown): value is Call | undefined {
  if (value !== undefined && typeof value !== 'function') throw new TypeError('Function expected');
  return true;
}

function present(value: unknown): value is Call {
  return functionOrNothing(value) && value !== undefined;
}

function decorateElement(
  lists: Lists,
  flags: number,
  name: string,
  decorators: Call[],
  target: object,
  extra?: unknown,
): unknown {
  const element = elementOf(flags, name, target, extra);
  const { initializers, extras } = listsFor(lists, element);
  for (const decorate of decorators.toReversed()) {
    const done = { is: false };
    const context = contextOf(element, done, lists[METADATA], extras);
    const made = decorate(current(element), context);
    done.is = true;
    apply(element, made, initializers);
  }
  return finish(element, lists);
}

function elementOf(flags: number, name: string, given: object, extra: unknown): Element {
  const kind = KINDS[flags & 7] as Element['kind'];
  const isStatic = (flags & STATIC) !== 0;
  const isPrivate = (flags & PRIVATE) !== 0;
  const isOfPrototype = kind !== 'class' && !isStatic && !isPrivate;
  const target = isOfPrototype ? (given as { prototype: object }).prototype : given;
  const descriptor = descriptorOf(kind, name, isPrivate ? undefined : target, extra);
  return { kind, name, isStatic, isPrivate, target, extra, descriptor };
}

function descriptorOf(kind: Element['kind'], name: string, of: object | undefined, extra: unknown) {
  if (kind === 'class' || kind === 'field') return undefined;
  if (kind !== 'accessor') return of && Object.getOwnPropertyDescriptor(of, name);
  const values = extra as WeakMap<object, unknown>;
  const accessor = {
    get [name](): unknown {
      return privateGet(values, this);
    },
    set [name](value: unknown) {
      privateGet(values, this);
      values.set(this, value);
    },
  };
  return Object.getOwnPropertyDescriptor(accessor, name);
}

function privateGet(values: WeakMap<object, unknown>, self: object): unknown {
  if (!values.has(self)) throw new TypeError('Cannot read private member: the object’s class does not have it');
  return values.get(self);
}

// Accessors and fields have lists of their own; the other elements of a class share two.
function listsFor(lists: Lists, { kind, isStatic }: Element) {
  const isField = kind === 'accessor' || kind === 'field';
  const at = isField ? lists.length + 1 : kind === 'class' ? 0 : isStatic ? 1 : 2;
  const initializers: Initializers = [];
  if (isField) lists[at - 1] = initializers;
  lists[at] ??= [];
  return { initializers, extras: lists[at] as Initializers };
}

function contextOf(element: Element, done: { is: boolean }, metadata: unknown, extras: Initializers): object {
  const { kind, name, isStatic, isPrivate } = element;
  const addInitializer = (fn: unknown) => {
    if (done.is) throw new TypeError('Already initialized');
    if (typeof fn !== 'function') throw new TypeError('Function expected');
    extras.push(fn as Call);
  };
  const context = { kind, name, metadata, addInitializer };
  if (kind === 'class') return context;
  return { ...context, static: isStatic, private: isPrivate, access: accessOf(element) };
}

function accessOf(element: Element): object {
  const { kind, name, isPrivate } = element;
  const has = (self: object) => (isPrivate ? (element.target as WeakSet<object>).has(self) : name in self);
  const reads = { get: (self: object) => (isPrivate ? privateValue(element, self) : Reflect.get(self, name)) };
  const writes = {
    set: (self: object, value: unknown) =>
      isPrivate ? setPrivate(element, self, value) : Reflect.set(self, name, value),
  };
  if (kind === 'setter') return { has, ...writes };
  return kind === 'method' || kind === 'getter' ? { has, ...reads } : { has, ...reads, ...writes };
}

function checked({ target }: Element, self: object): void {
  if (!(target as WeakSet<object>).has(self)) throw new TypeError('Cannot access private member of another class');
}

function privateValue(element: Element, self: object): unknown {
  checked(element, self);
  const { kind, extra, descriptor, target } = element;
  if (kind === 'method') return extra;
  const getter = kind === 'accessor' ? descriptor?.get : (extra as Call | undefined);
  return getter === undefined ? (target as WeakMap<object, unknown>).get(self) : getter.call(self);
}

function setPrivate(element: Element, self: object, value: unknown): void {
  checked(element, self);
  const { kind, extra, descriptor, target } = element;
  const setter = kind === 'accessor' ? descriptor?.set : (extra as Call | undefined);
  if (setter === undefined) (target as WeakMap<object, unknown>).set(self, value);
  else setter.call(self, value);
}

/** The value that the next decorator gets. */
function current({ kind, isPrivate, target, extra, descriptor }: Element): unknown {
  if (kind === 'class') return target;
  if (kind === 'field') return undefined;
  if (kind === 'accessor') return { get: descriptor?.get, set: descriptor?.set };
  return isPrivate ? extra : descriptor?.[PLACES[kind]];
}

function apply(element: Element, made: unknown, initializers: Initializers): void {
  const { kind, isPrivate, descriptor } = element;
  if (kind === 'accessor' && made !== undefined) applyAccessor(element, made, initializers);
  else if (!present(made)) return;
  else if (kind === 'field') initializers.unshift(made);
  else if (kind === 'class') element.target = made;
  else if (isPrivate) element.extra = made;
  else if (descriptor !== undefined) Object.assign(descriptor, { [PLACES[kind as keyof typeof PLACES]]: made });
}

function applyAccessor({ descriptor }: Element, made: unknown, initializers: Initializers): void {
  if (typeof made !== 'object' || made === null) throw new TypeError('Object expected');
  const { get, set, init } = made as { readonly get?: unknown; readonly set?: unknown; readonly init?: unknown };
  if (present(get)) Object.assign(descriptor as object, { get });
  if (present(set)) Object.assign(descriptor as object, { set });
  if (present(init)) initializers.unshift(init);
}

function finish({ kind, name, isPrivate, target, extra, descriptor }: Element, lists: Lists): unknown {
  if (kind === 'class') decoratorMetadata(lists, target);
  if (isPrivate) return kind === 'accessor' ? descriptor : kind === 'field' ? target : extra;
  if (descriptor !== undefined) Object.defineProperty(target, name, descriptor);
  return target;
}

function decoratorMetadata(lists: Lists, target: object): void {
  const value = lists[METADATA];
  Object.defineProperty(target, HAS_METADATA, { value, enumerable: true, configurable: true, writable: true });
}

/** TypeScript's older decorators. `kind`: 0 or none for a class, 1 for a method or accessor, 2 for a field. */
function decorateClass(decorators: (Call | undefined)[], target: object, key?: PropertyKey, kind = 0): unknown {
  let result: unknown = kind > 1 ? undefined : kind === 1 ? propertyOf(target, key) : target;
  for (const decorate of decorators.toReversed()) {
    if (decorate !== undefined) result = (kind > 0 ? decorate(target, key, result) : decorate(result)) || result;
  }
  if (kind > 0 && result) Object.defineProperty(target, key as PropertyKey, result as PropertyDescriptor);
  return result;
}

function propertyOf(target: object, key: PropertyKey | undefined): PropertyDescriptor | undefined {
  return Object.getOwnPropertyDescriptor(target, key as PropertyKey);
}

/** The helpers by the names of esbuild. */
export const DECORATORS = {
  __decoratorStart: decoratorStart,
  __decoratorMetadata: decoratorMetadata,
  __runInitializers: runInitializers,
  __decorateElement: decorateElement,
  __decorateClass: decorateClass,
  __decorateParam: (index: number, decorate: Call) => (target: object, key: PropertyKey) =>
    decorate(target, key, index),
};
