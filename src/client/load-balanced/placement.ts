// Guard: predicates that an engine evaluates before a task. Where one says no, the task goes to another engine.
import { type AnyFunction, functionSource } from '../../protocol/values/functions.ts';
import { Ref, ref } from '../../protocol/values/ref.ts';
import { ModuleFunction } from '../../util/module-function.ts';
import { assertName } from '../names.ts';

/** Source of expressions, each a function without parameters that gives whether this engine will do. */
export class Guard {
  readonly #predicates: readonly string[];

  constructor(predicates: readonly string[] = []) {
    this.#predicates = predicates;
  }

  /** @throws TypeError unless given a function or a ref to one, NotSerializableError for one without source */
  predicate(value: unknown): Guard {
    if (value instanceof Ref) return this.#and(value.expression);
    if (typeof value !== 'function' || value instanceof ModuleFunction) {
      throw new TypeError('depend wants a function that gives a boolean, or a ref to one on the engines');
    }
    return this.#and(functionSource(value as AnyFunction));
  }

  /** @throws TypeError for anything that is not a name */
  names(names: readonly string[]): Guard {
    for (const name of names) assertName(name);
    return names.reduce((guard, name) => guard.#and(`() => ${isSet(name)}`), this as Guard);
  }

  #and(source: string): Guard {
    return new Guard([...this.#predicates, source]);
  }

  /**
   * The function, guarded: an expression that the engine evaluates once per task, before it runs. Throws UnmetDependency
   * there where a predicate gives something false.
   * @throws TypeError for functions of modules, which only arrive as the task runs
   */
  wrap(fn: unknown): Ref {
    if (fn instanceof ModuleFunction) {
      throw new TypeError('depend and require cannot guard a module function: import it on the engines and pass a ref');
    }
    const source = fn instanceof Ref ? fn.expression : functionSource(fn as AnyFunction);
    return ref(`(${checkAndReturn.toString()})([${this.#predicates.map((p) => `(${p}\n)`).join()}], (${source}\n))`);
  }
}

// A missing first part is a ReferenceError anywhere but right behind `typeof`.
function isSet(name: string): string {
  const root = name.split('.')[0];
  return `typeof ${root} !== 'undefined' && typeof ${name.replaceAll('.', '?.')} !== 'undefined'`;
}

// Runs on the engine, by its source.
function checkAndReturn(predicates: readonly (() => unknown)[], fn: unknown): unknown {
  for (const predicate of predicates) {
    const met = predicate();
    if (typeof met === 'object' && met !== null && 'then' in met) {
      throw new TypeError('depend wants a predicate that answers at once, not a promise');
    }
    if (!met) throw Object.assign(new Error(`not on this engine: ${String(predicate)}`), { name: 'UnmetDependency' });
  }
  return fn;
}
