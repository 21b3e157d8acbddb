import { sizeOf, type Tensor } from './tensor.ts';

/** Elements beyond which only the ends of each axis are shown. */
const MANY = 1000;
const EDGE = 3;
/** Digits after the point. */
const DIGITS = 8;
const SKIPPED = '...';

/** Nested rows of the elements to show; undefined stands for those that are left out. */
type Shown = number | undefined | readonly Shown[];

/** A tensor as an aligned matrix, as NumPy prints one: a line with dtype and shape, and a line per row. */
export function matrixText(tensor: Tensor): string {
  const head = `Tensor ${tensor.dtype}[${tensor.shape.join('×')}]`;
  const shown = shownOf(tensor);
  const texts = alignedTexts(numbersOf(shown)).values();
  return `${head}${tensor.rank === 0 ? ' ' : '\n'}${rows(shown, tensor.rank, '', texts)}`;
}

function shownOf(tensor: Tensor, axis = 0, offset = 0): Shown {
  if (axis === tensor.rank) return tensor.at(offset);
  const n = tensor.shape[axis] as number;
  const step = sizeOf(tensor.shape.slice(axis + 1));
  const item = (i: number) => shownOf(tensor, axis + 1, offset + i * step);
  if (tensor.size <= MANY || n <= 2 * EDGE) return Array.from({ length: n }, (_, i) => item(i));
  const ends = [0, 1, 2, n - 3, n - 2, n - 1].map(item);
  return [...ends.slice(0, EDGE), undefined, ...ends.slice(EDGE)];
}

function numbersOf(shown: Shown): number[] {
  if (typeof shown === 'number') return [shown];
  return shown === undefined ? [] : shown.flatMap(numbersOf);
}

// Takes the texts in the order of the elements.
function rows(shown: Shown, rank: number, indent: string, texts: Iterator<string, unknown>): string {
  if (typeof shown === 'number') return String(texts.next().value);
  if (shown === undefined) return SKIPPED;
  const between = rank === 1 ? ' ' : `${'\n'.repeat(rank - 1)} ${indent}`;
  return `[${shown.map((item) => rows(item, rank - 1, `${indent} `, texts)).join(between)}]`;
}

/** The text of each number, with points below each other; with exponents if any number needs one. */
function alignedTexts(numbers: readonly number[]): string[] {
  const isScientific = numbers.some((value) => Number.isFinite(value) && needsExponent(value));
  const texts = numbers.map(isScientific ? (value) => value.toExponential(DIGITS) : fixed);
  const fraction = longest(texts.map(fractionOf));
  const padded = texts.map((text) => text + ' '.repeat(fraction - fractionOf(text).length));
  const width = longest(padded);
  return padded.map((text) => text.padStart(width));
}

const needsExponent = (value: number) => value !== 0 && (Math.abs(value) >= 1e16 || Math.abs(value) < 1e-4);

const fixed = (value: number) => (Object.is(value, -0) ? '-0' : String(Number(value.toFixed(DIGITS))));

const fractionOf = (text: string) => /\..*$/.exec(text)?.[0] ?? '';

const longest = (texts: readonly string[]) => texts.reduce((most, text) => Math.max(most, text.length), 0);
