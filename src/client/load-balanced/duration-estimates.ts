// Paces by function: what is learnt of a function in one call holds for the next.

import { Ref } from '../../protocol/values/ref.ts';
import { BoundedMap } from '../../util/bounded.ts';
import { ModuleFunction } from '../../util/module-function.ts';
import { Pace } from './duration-estimate.ts';

const KEPT = 1000;

export class Paces {
  readonly #bySource = new BoundedMap<string, Pace>(KEPT);

  of(fn: unknown): Pace {
    const source = sourceOf(fn);
    return this.#bySource.get(source) ?? this.#bySource.set(source, new Pace());
  }
}

function sourceOf(fn: unknown): string {
  if (fn instanceof Ref) return `ref ${fn.expression}`;
  if (fn instanceof ModuleFunction) return `${fn.url} ${fn.name}`;
  return String(fn);
}
