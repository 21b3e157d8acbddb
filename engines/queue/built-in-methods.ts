import console from 'node:console';
import process from 'node:process';

interface Saved {
  readonly owner: object;
  readonly name: string;
  readonly key: PropertyKey;
  readonly before: PropertyDescriptor;
}

/** Text that may replace a method of a built-in. */
const REPLACES =
  /prototype|__proto__|definePropert|Object\s*\.\s*assign|\b(?:JSON|Math|Reflect|Promise|process|console|Object|Array|Symbol|Date|Number|String)\s*(?:\.\s*\w+|\[[^\]]*\])\s*=(?![=>])/;

const GLOBALS = `Object Function Array Number Boolean String Symbol Promise RegExp Error JSON Math Reflect ArrayBuffer
  Map Set WeakMap WeakSet WeakRef FinalizationRegistry BigInt Date DataView Uint8Array Atomics`.split(/\s+/);
const OF_PROCESS = [
  'stdin',
  'stdout',
  'stderr',
  'nextTick',
  'on',
  'emit',
  'exit',
  'kill',
  'cwd',
  'hrtime',
  'memoryUsage',
];

/**
 * The methods of built-ins. The engine and its libraries call them: a task that replaces one would stop the engine. So they
 * are what they were once the task's code has run.
 */
export class BuiltInMethods {
  /** Undefined until source text may replace one: before, there is no cost. */
  #saved: readonly Saved[] | undefined;
  #ofObjects: ReadonlySet<PropertyKey> = new Set();
  #output: OutputMethods | undefined;

  /** From now on the methods that print are what they are now. */
  watchOutput(): void {
    this.#output = new OutputMethods();
  }

  /** Notes source text that is about to run. The first that may replace a method starts the watch. */
  mention(source: string): void {
    if (this.#saved !== undefined || !REPLACES.test(source)) return;
    this.#saved = saveAll();
    this.#ofObjects = new Set(Reflect.ownKeys(Object.prototype));
  }

  /** Brings back what user code has replaced: the names, such as `JSON.stringify`. None, and no cost, without a watch. */
  restore(): readonly string[] {
    const saved = this.#saved;
    if (saved === undefined) return this.#output?.restore() ?? NONE;
    // A plain loop: methods of arrays may be the ones that were replaced.
    const names: string[] = [];
    for (let i = 0; i < saved.length; i++) {
      const { owner, name, key, before } = saved[i] as Saved;
      const now = getOwn(owner, key);
      if (now !== undefined && now.value === before.value && now.get === before.get) continue;
      if (define(owner, key, before)) names[names.length] = name;
    }
    this.#removeAdded(names);
    this.#output?.restore(names);
    return names;
  }

  // A property of all objects, such as toJSON, changes what everything else does.
  #removeAdded(names: string[]): void {
    const keys = ownKeys(Object.prototype);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as PropertyKey;
      if (apply(has, this.#ofObjects, [key]) || !remove(Object.prototype, key)) continue;
      names[names.length] = `Object.prototype.${text(key)}`;
    }
  }
}

/**
 * The methods that print. A task may replace them by any way (`const c = console; c.log = …`), so they are looked at after
 * each task: by plain reads, which cost a few nanoseconds.
 */
class OutputMethods {
  readonly #stdout = process.stdout;
  readonly #stderr = process.stderr;
  readonly #out = getOwn(this.#stdout, 'write')?.value as unknown;
  readonly #err = getOwn(this.#stderr, 'write')?.value as unknown;
  readonly #console = { ...console };

  /** Brings them back, and adds their names. */
  restore(names?: string[]): readonly string[] {
    if (this.#isWhole) return NONE;
    const restored = names ?? [];
    this.#put(this.#stdout, 'process.stdout.write', 'write', this.#out, restored);
    this.#put(this.#stderr, 'process.stderr.write', 'write', this.#err, restored);
    for (const key of ownKeys(this.#console) as (keyof Console)[]) {
      this.#put(console, `console.${key}`, key, this.#console[key], restored);
    }
    return restored;
  }

  get #isWhole(): boolean {
    const { log, info, debug, warn, error, dir, table, trace } = this.#console;
    return (
      this.#stdout.write === this.#out &&
      this.#stderr.write === this.#err &&
      console.log === log &&
      console.info === info &&
      console.debug === debug &&
      console.warn === warn &&
      console.error === error &&
      console.dir === dir &&
      console.table === table &&
      console.trace === trace
    );
  }

  #put(owner: object, name: string, key: PropertyKey, value: unknown, restored: string[]): void {
    if (getOwn(owner, key)?.value === value) return;
    if (define(owner, key, { value, writable: true, enumerable: true, configurable: true }))
      restored[restored.length] = name;
  }
}

const NONE: readonly string[] = [];
// Bound when the module loads: these may be the ones that were replaced.
const { getOwnPropertyDescriptor: getOwn, defineProperty: define, ownKeys, deleteProperty: remove, apply } = Reflect;
const { has } = Set.prototype;
const text = String;

function saveAll(): Saved[] {
  const owners: [string, object][] = GLOBALS.flatMap((name) => {
    const value = Reflect.get(globalThis, name) as { readonly prototype?: object };
    const { prototype } = value;
    return prototype === undefined
      ? [[name, value]]
      : [
          [name, value],
          [`${name}.prototype`, prototype],
        ];
  });
  const arrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
  const iterator = Object.getPrototypeOf([][Symbol.iterator]()) as object;
  owners.push(['TypedArray.prototype', arrays], ['Array Iterator', iterator], ['console', console]);
  const ofProcess = OF_PROCESS.flatMap((key) => entry('process', process, key));
  return [
    ...owners.flatMap(([name, owner]) => Reflect.ownKeys(owner).flatMap((key) => entry(name, owner, key))),
    ...ofProcess,
  ];
}

function entry(ownerName: string, owner: object, key: PropertyKey): Saved[] {
  const before = Reflect.getOwnPropertyDescriptor(owner, key) ?? inherited(owner, key);
  if (before === undefined || (typeof before.value !== 'function' && before.get === undefined)) return [];
  if (before.configurable !== true && before.writable !== true) return [];
  return [{ owner, name: `${ownerName}.${String(key)}`, key, before }];
}

// The methods of process's events are those of its prototype.
function inherited(owner: object, key: PropertyKey): PropertyDescriptor | undefined {
  const value: unknown = Reflect.get(owner, key);
  return typeof value === 'function' ? { value, writable: true, enumerable: true, configurable: true } : undefined;
}
