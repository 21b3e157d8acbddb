interface Unseen {
  readonly value: object;
  readonly get: () => unknown;
}

/** The parts that are told what user code does with such a name. */
export interface UnseenListeners {
  /** User code has the value now: it may keep it, and write into it at any time. */
  seen(value: object): void;
  /** User code assigned something else to the name, and never had the value. */
  replaced(value: object): void;
}

/**
 * Names with values that user code has not seen. The property of such a name is an accessor until the first read, which
 * makes a plain property of it. An unseen value cannot change, and can be freed at once.
 */
export class UnseenNames {
  readonly #listeners: UnseenListeners;
  readonly #names = new Map<string, Unseen>();
  readonly #seen = new WeakSet<object>();

  constructor(listeners: UnseenListeners) {
    this.#listeners = listeners;
  }

  /** Sets a name on globalThis. False where the property cannot be an accessor, or the value has been seen. */
  define(name: string, value: object): boolean {
    if (this.#seen.has(value)) return false;
    const get = (): unknown => this.#show(name, get);
    const set = (next: unknown): void => this.#replace(name, next);
    if (!Reflect.defineProperty(globalThis, name, { get, set, configurable: true, enumerable: true })) return false;
    this.#names.set(name, { value, get });
    return true;
  }

  /** The value of an unseen name, which stays unseen; undefined for other names. */
  peek(name: string): object | undefined {
    const found = this.#names.get(name);
    if (found === undefined) return undefined;
    if (Object.getOwnPropertyDescriptor(globalThis, name)?.get === found.get) return found.value;
    // User code deleted the name or defined it anew.
    this.#names.delete(name);
    this.#listeners.replaced(found.value);
    return undefined;
  }

  /** Lets go of names that user code has deleted or defined anew. */
  settle(): void {
    for (const name of [...this.#names.keys()]) this.peek(name);
  }

  /** Forgets a name that is set or deleted next. */
  forget(name: string): void {
    const wasUnseen = this.peek(name) !== undefined;
    if (this.#names.delete(name) && wasUnseen) plain(name, undefined);
  }

  /** True if no user code has had this value since it came. */
  isUnseen(value: object): boolean {
    return (
      !this.#seen.has(value) && [...this.#names].some(([name, unseen]) => unseen.value === value && this.peek(name))
    );
  }

  /** Notes that user code is given this value. */
  show(value: unknown): void {
    if (typeof value !== 'object' || value === null || this.#seen.has(value)) return;
    // User code may have deleted one of them, or defined it anew: that one stays so.
    for (const [name, unseen] of [...this.#names])
      if (unseen.value === value && this.peek(name) === value) this.#expose(name, value);
    this.#seen.add(value);
  }

  // User code may have put the accessor into another object: there it gives what the name holds now.
  #show(name: string, get: () => unknown): unknown {
    const value = this.peek(name);
    this.show(value);
    if (value !== undefined || Object.getOwnPropertyDescriptor(globalThis, name)?.get === get) return value;
    return Reflect.get(globalThis, name);
  }

  #expose(name: string, value: object): void {
    this.#names.delete(name);
    plain(name, value);
    if (!this.#seen.has(value)) this.#listeners.seen(value);
    this.#seen.add(value);
  }

  #replace(name: string, next: unknown): void {
    const value = this.peek(name);
    this.#names.delete(name);
    plain(name, next);
    if (value !== undefined) this.#listeners.replaced(value);
  }
}

function plain(name: string, value: unknown): void {
  Reflect.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
}
