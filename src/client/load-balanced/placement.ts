import { type AnyFunction, functionSource } from '../../protocol/values/functions.ts';
import { Ref, ref } from '../../protocol/values/ref.ts';
import { ModuleFunction } from '../../util/module-function.ts';
import { assertName } from '../names.ts';

/**
 * Conditions on the placement of tasks: predicates that an engine evaluates before each task. Where one is false, the task
 * goes to another engine.
 */
export class TaskPlacement {
  readonly #predicates: readonly string[];

  /** `predicates`: sources of functions without parameters that give whether this engine will do. */
  constructor(predicates: readonly string[] = []) {
    this.#predicates = predicates;
  }

  /** These conditions and one more. @throws TypeError unless given a function or a ref to one, NotSerializableError for one without source */
  predicate(value: unknown): TaskPlacement {
    if (value instanceof Ref) return this.#and(value.expression);
    if (typeof value !== 'function' || value instanceof ModuleFunction) {
      throw new TypeError('depend wants a function that gives a boolean, or a ref to one on the engines');
    }
    return this.#and(functionSource(value as AnyFunction));
  }

  /** These conditions, and that each name is set. @throws TypeError for anything that is not a name */
  names(names: readonly string[]): TaskPlacement {
    for (const name of names) assertName(name);
    return names.reduce((all, name) => all.#and(`() => ${isSet(name)}`), this as TaskPlacement);
  }

  #and(source: string): TaskPlacement {
    return new TaskPlacement([...this.#predicates, source]);
  }

  /**
   * The function under these conditions: an expression that the engine evaluates once per task, before the task runs. It
   * throws UnmetDependency there if a predicate gives something false.
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
