import { list, type ObjectOf, object, oneOf, optional, type Reader, text } from '../fields.ts';

const fateFields = {
  /** The tasks that started last, oldest first: at most 64. The last one ran, unless it had just ended. */
  started: list(text),
  /** Why the last one was ended, where that took the engine with it. */
  stopped: optional(oneOf('interrupt', 'timeout', 'client-gone')),
};

/** The state in which an engine died: it tells the tasks that had started from those that only waited. */
export interface Fate extends ObjectOf<typeof fateFields> {}

/** Reads a Fate. */
export const fate: Reader<Fate> = object(fateFields);
