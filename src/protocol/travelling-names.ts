import type { Parts } from '../comm/transport.ts';

/** How the value of a name gets to an engine: by its bytes, by an import there, or not at all, which the reason explains. */
export type TravellingValue =
  | { readonly kind: 'value'; readonly body: Parts }
  /** `exported`: null for the whole module. */
  | { readonly kind: 'import'; readonly specifier: string; readonly exported: string | null }
  | { readonly kind: 'missing'; readonly reason: string };

/** A name of a notebook that the functions of a call use. */
export interface TravellingName {
  readonly name: string;
  /** Changes with the value: an engine that has this version gets nothing. */
  readonly version: string;
  readonly value: TravellingValue;
}

/** The arguments of a method, or a list of them, one for each engine. */
export type CallsArguments = object | readonly (object | undefined)[];

/**
 * Finds the names that the functions in arguments use, each behind those that it uses itself.
 * @throws NotSerializableError for a function that means another value of such a name
 */
export type FindNames = (calls: CallsArguments) => readonly TravellingName[] | undefined;

let find: FindNames | undefined;

/** Lets names of this process's globalThis travel with functions, as notebooks and the REPL do. Undefined: none do. */
export function letNamesTravel(finder: FindNames | undefined): void {
  find = finder;
}

/** The names that these calls need; undefined where none travel. @throws as FindNames */
export function namesOfCalls(calls: CallsArguments): readonly TravellingName[] | undefined {
  return find?.(calls);
}
