import type { Tensor } from '../../src/tensor/tensor.ts';
import type { Rgb } from './color.ts';

// Letters of 5×7 pixels and a row for tails, so that captions need no font of the system. Each is five columns in
// hexadecimal, the top row in the lowest bit; from the space to ~.
const LETTERS = [
  '000000000000005f00000007000700147f147f14242a7f2a12231308646236495620500008070300001c2241000041221c00',
  '2a1c7f1c2a08083e080800807030000808080808000060600020100804023e5149453e00427f400072494949462141494d33',
  '1814127f1027454545393c4a49493141211109073649494936464949291e0000140000004034000000081422411414141414',
  '004122140802015909063e415d594e7c1211127c7f494949363e414141227f4141413e7f494949417f090909013e41415173',
  '7f0808087f00417f41002040413f017f081422417f404040407f021c027f7f0408107f3e4141413e7f090909063e4151215e',
  '7f09192946264949493203017f01033f4040403f1f2040201f3f4038403f631408146303047804036159494d43007f414141',
  '0204081020004141417f04020102048080808080000307080020545478407f284444383844444428384444287f3854545418',
  '00087e090218a4a49c787f0804047800447d40002040403d007f1028440000417f40007c047804787c080404783844444438',
  'fc1824241818242418fc7c08040408485454542404043f44243c4040207c1c2040201c3c4030403c44281028444c9090907c',
  '4464544c440008364100000077000000413608000201020402',
].join('');
const UNKNOWN = 'ff818181ff';
const WIDTH = 5;
const HEIGHT = 8;

/** Pixels from one letter to the next, and from one line to the next. */
export const LETTER_STEP = WIDTH + 1;
/** Pixels from one line to the next. */
export const LINE_STEP = HEIGHT + 2;

/**
 * Draws a line of text on a picture `[rows, cols, 3]`, its top left pixel at `[row, col]`. Accents are dropped; a letter
 * that is not ASCII becomes a box.
 */
export function drawText(canvas: Tensor, text: string, [row, col]: readonly [number, number], color: Rgb): void {
  for (const [i, letter] of [...plain(text)].entries()) drawLetter(canvas, letter, row, col + i * LETTER_STEP, color);
}

/** The text without accents. */
function plain(text: string): string {
  return text.normalize('NFKD').replace(/\p{Mark}/gu, '');
}

function drawLetter(canvas: Tensor, letter: string, row: number, col: number, color: Rgb): void {
  const [rows, cols] = canvas.shape as [number, number];
  const at = ((letter.codePointAt(0) as number) - 32) * 2 * WIDTH;
  const columns = at >= 0 && at < LETTERS.length ? LETTERS.slice(at, at + 2 * WIDTH) : UNKNOWN;
  for (let x = 0; x < WIDTH; x++) {
    const bits = Number.parseInt(columns.slice(2 * x, 2 * x + 2), 16);
    for (let y = 0; y < HEIGHT; y++) {
      const inside = row + y >= 0 && row + y < rows && col + x >= 0 && col + x < cols;
      if (inside && (bits >> y) % 2 === 1) canvas.data.set(color, 3 * ((row + y) * cols + col + x));
    }
  }
}

/** The text, cut in its middle to so many letters: the beginning and the end of a file name tell most. */
export function elided(text: string, most: number): string {
  const letters = [...plain(text)];
  if (letters.length <= most) return letters.join('');
  if (most <= 3) return letters.slice(0, most).join('');
  const head = Math.ceil((most - 3) / 2);
  return `${letters.slice(0, head).join('')}...${letters.slice(letters.length - (most - 3 - head)).join('')}`;
}

/** The text in lines of at most so many letters, broken between words where that is possible. */
export function wrapped(text: string, most: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of plain(text).split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    for (; line.length > most; line = line.slice(most)) lines.push(line.slice(0, most));
  }
  return [...lines, line].filter((one) => one !== '');
}
