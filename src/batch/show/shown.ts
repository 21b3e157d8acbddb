import { type BatchRecord, fieldsOf } from '../results/record.ts';

/** A picture as the contact sheet and the report show it. */
export interface Shown {
  readonly image: string;
  readonly path: string;
  /** Its place among all pictures. */
  readonly order: number;
  /** The numbers of its record, the most telling one first. */
  readonly numbers: readonly (readonly [name: string, value: number])[];
  readonly ms?: number | undefined;
  /** Why it failed, or why a file could not be written. */
  readonly error?: string | undefined;
  /** The drawing, if there is one. */
  readonly drawing?: string | undefined;
  /** The bytes of a small picture. */
  readonly thumbnail?: Uint8Array | undefined;
}

/** Numbers of a record that are shown, at most. */
const MOST_NUMBERS = 4;

/** The numbers that say most about a record: of corners, how many there are and the strongest response. */
export function numbersOf(record: BatchRecord): (readonly [name: string, value: number])[] {
  const { corners, responses } = record;
  if (Array.isArray(corners)) {
    const strongest =
      Array.isArray(responses) && typeof responses[0] === 'number' ? [['strongest', responses[0]] as const] : [];
    return [['corners', corners.length], ...strongest];
  }
  return fieldsOf(record)
    .filter((field): field is [string, number] => typeof field[1] === 'number')
    .slice(0, MOST_NUMBERS);
}

/** Numbers as people read them: whole ones as they are, others with four digits. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

/** Chooses a bounded number of pictures, spread evenly over a batch. */
export class Spread {
  readonly #step: number;

  constructor(total: number, most: number) {
    this.#step = Math.max(1, total / most);
  }

  /** Is the picture at this place of the batch among them? */
  has(order: number): boolean {
    return Math.floor(order / this.#step) !== Math.floor((order - 1) / this.#step);
  }
}
