import { numbersOf } from './cast.ts';
import type { DType, TypedArray } from './dtype.ts';
import { fromBfloat16, toBfloat16 } from './floats/bfloat16.ts';
import { fromHalf, toHalf } from './floats/float16.ts';
import { codecOf } from './floats/stored-bits.ts';
import { type Shape, sizeOf } from './shape.ts';

/** The part of a tensor that its text needs. */
export interface Printable {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** Elements beyond which only the ends of each axis are shown. */
const MANY = 1000;
const EDGE = 3;
/** Digits after the point. */
const DIGITS = 8;
const SKIPPED = '...';
/** Characters of a line. */
const WIDTH = 75;

/** Nested rows of the places to show; undefined stands for those that are left out. */
type Shown = number | undefined | readonly Shown[];

/** A tensor as an aligned matrix, as NumPy prints one: a line with dtype and shape, and a line per row. */
export function matrixText(tensor: Printable): string {
  const rank = tensor.shape.length;
  const shown = shownOf(tensor.shape, sizeOf(tensor.shape));
  const places = placesOf(shown);
  const texts = alignedTexts(pick(tensor, places), tensor.dtype).values();
  return `${headOf(tensor)}${rank === 0 ? ' ' : '\n'}${block(shown, rank, 0, texts)}`;
}

/** The line above the rows. */
function headOf({ dtype, shape }: Printable): string {
  return `Tensor ${dtype}[${shape.join('×')}]`;
}

/** The text of each element, not aligned, in the digits of `matrixText`. */
export function elementTexts(tensor: Printable): string[] {
  const numbers = numbersOf(tensor.data, tensor.dtype);
  return alignedTexts(Array.from(numbers), tensor.dtype).map((text) => text.trim());
}

function shownOf(shape: Shape, total: number, axis = 0, offset = 0): Shown {
  if (axis === shape.length) return offset;
  const n = shape[axis] as number;
  const step = sizeOf(shape.slice(axis + 1));
  const item = (i: number) => shownOf(shape, total, axis + 1, offset + i * step);
  if (total <= MANY || n <= 2 * EDGE) return Array.from({ length: n }, (_, i) => item(i));
  const ends = [0, 1, 2, n - 3, n - 2, n - 1].map(item);
  return [...ends.slice(0, EDGE), undefined, ...ends.slice(EDGE)];
}

function placesOf(shown: Shown): number[] {
  if (typeof shown === 'number') return [shown];
  return shown === undefined ? [] : shown.flatMap(placesOf);
}

function pick({ data, dtype }: Printable, places: readonly number[]): number[] {
  const value = codecOf(dtype)?.decode ?? Number;
  return places.map((place) => value(data[place] as number));
}

/** A list with brackets, `depth` levels below the whole. Takes the texts in the order of the elements. */
function block(shown: Shown, rank: number, depth: number, texts: Iterator<string, unknown>): string {
  if (typeof shown === 'number') return String(texts.next().value);
  const items = (shown ?? []).map((item) => (item === undefined ? SKIPPED : block(item, rank - 1, depth + 1, texts)));
  const indent = ' '.repeat(depth + 1);
  return `[${rank === 1 ? lines(items, indent, WIDTH - depth - 1) : items.join('\n'.repeat(rank - 1) + indent)}]`;
}

/** The items of a row, in as many lines as they need. */
function lines(items: readonly string[], indent: string, width: number): string {
  const done: string[] = [];
  let line = indent;
  for (const item of items) {
    if (line.length + item.length > width && line.length > indent.length) {
      done.push(line.trimEnd());
      line = indent;
    }
    line += `${item} `;
  }
  // Without the space behind the last item, which may itself end in spaces.
  return [...done, line.slice(0, -1)].join('\n').slice(indent.length);
}

/** The texts of numbers that stand below each other. */
function alignedTexts(numbers: readonly number[], dtype: DType): string[] {
  if (dtype === 'bool') return rightAligned(numbers.map((value) => String(value !== 0)));
  const finite = numbers.filter(Number.isFinite);
  if (finite.every((value) => Number.isInteger(value) && Math.abs(value) < 1e16))
    return rightAligned(numbers.map(text));
  return rightAligned(needsExponent(finite, dtype) ? exponents(numbers, dtype) : positions(numbers, dtype));
}

function text(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

function rightAligned(texts: readonly string[]): string[] {
  const width = longest(texts);
  return texts.map((text) => text.padStart(width));
}

/** From here on NumPy writes exponents. */
const LARGE: Readonly<Partial<Record<DType, number>>> = { float16: 1e3, float32: 1e6 };

function needsExponent(finite: readonly number[], dtype: DType): boolean {
  const sizes = finite.filter((value) => value !== 0).map(Math.abs);
  const most = sizes.reduce((a, b) => Math.max(a, b), 0);
  const least = sizes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return most >= (LARGE[dtype] ?? 1e8) || least < 1e-4 || most / least > 1000;
}

/** With points below each other. */
function positions(numbers: readonly number[], dtype: DType): string[] {
  const texts = numbers.map((value) => (Number.isFinite(value) ? fixed(value, dtype) : text(value)));
  const fraction = longest(texts.map(fractionOf));
  // Infinities and NaN stand at the right end.
  return texts.map((text, i) =>
    Number.isFinite(numbers[i]) ? text + ' '.repeat(fraction - fractionOf(text).length) : text,
  );
}

/** With mantissas of the same length. */
function exponents(numbers: readonly number[], dtype: DType): string[] {
  const finite = numbers.filter(Number.isFinite);
  const digits = finite.reduce((most, value) => Math.max(most, mantissaDigits(value, dtype)), 0);
  const texts = numbers.map((value) => (Number.isFinite(value) ? scientific(value, dtype, digits) : ['', '']));
  const width = Math.max(2, longest(texts.map(([, exponent]) => (exponent as string).slice(1))));
  return texts.map(([mantissa, exponent = ''], i) => {
    if (!Number.isFinite(numbers[i])) return text(numbers[i] as number);
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(width, '0')}`;
  });
}

function fixed(value: number, dtype: DType): string {
  const short = text(shortest(value, dtype));
  return fractionOf(short).length - 1 <= DIGITS ? short : text(Number(value.toFixed(DIGITS)));
}

function mantissaDigits(value: number, dtype: DType): number {
  const [mantissa = ''] = shortest(value, dtype).toExponential().split('e');
  if (fractionOf(mantissa).length - 1 <= DIGITS) return Math.max(0, fractionOf(mantissa).length - 1);
  return Math.max(0, fractionOf(String(Number(value.toExponential(DIGITS).split('e')[0]))).length - 1);
}

/** Mantissa with so many digits after the point, and exponent with its sign. */
function scientific(value: number, dtype: DType, digits: number): string[] {
  const short = shortest(value, dtype);
  const isShort = fractionOf(short.toExponential().split('e')[0] as string).length - 1 <= digits;
  const parts = (isShort ? short : value).toExponential(digits).split('e');
  return Object.is(value, -0) ? [`-${parts[0]}`, ...parts.slice(1)] : parts;
}

const NARROW: Readonly<Partial<Record<DType, (value: number) => number>>> = {
  float16: (value) => fromHalf(toHalf(value)),
  bfloat16: (value) => fromBfloat16(toBfloat16(value)),
  float32: Math.fround,
};

/** The number with the fewest digits that is this one in its dtype. */
function shortest(value: number, dtype: DType): number {
  const narrow = NARROW[dtype];
  if (narrow === undefined) return value;
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(narrow(short), value)) return short;
  }
  return value;
}

const fractionOf = (text: string) => /\..*$/.exec(text)?.[0] ?? '';

const longest = (texts: readonly string[]) => texts.reduce((most, text) => Math.max(most, text.length), 0);
