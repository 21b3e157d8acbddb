// The results of scikit-image 0.19.3 for each picture, and how far ours may be from them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Tensor } from '../../src/tensor/tensor.ts';

export type Position = readonly [row: number, col: number];

export interface Golden {
  readonly name: string;
  /** Path of the picture. */
  readonly path: string;
  readonly shape: readonly [number, number];
  readonly grayMean: number;
  readonly response: { readonly max: number; readonly min: number; readonly sum: number; readonly samples: number[][] };
  readonly corners: readonly Position[];
  readonly subpix: readonly (Position | null)[];
}

const ROOT = new URL('../../../', import.meta.url);
const FILES = {
  astronaut: 'examples/data/astronaut.png',
  camera: 'examples/data/camera.png',
  chessboard_GRAY: 'examples/data/chessboard_GRAY.png',
  coins: 'test/data/coins.png',
  page: 'test/data/page.png',
  rocket: 'examples/data/rocket.jpg',
};

export const goldens: readonly Golden[] = Object.entries(FILES).map(([name, file]) => {
  const json = JSON.parse(readFileSync(new URL(`test/data/${name}.json`, ROOT), 'utf8'));
  const subpix = json.subpix.map(([r, c]: [number | null, number]) => (r === null ? null : [r, c]));
  return { ...json, name, path: fileURLToPath(new URL(file, ROOT)), grayMean: json.gray_mean, subpix };
});

export function golden(name: keyof typeof FILES): Golden {
  return goldens.find((one) => one.name === name) as Golden;
}

/** Zeros with rectangles of a value: `[top, bottom, left, right, value]`, inclusive. */
export function rectangles(shape: [number, number], ...blocks: [number, number, number, number, number][]): Tensor {
  const image = new Tensor('float64', shape);
  for (const [top, bottom, left, right, value] of blocks) {
    for (let r = top; r <= bottom; r++) image.data.fill(value, r * shape[1] + left, r * shape[1] + right + 1);
  }
  return image;
}

/** A synthetic picture: a bright rectangle with a half-bright one inside. */
export const plate = () => rectangles([32, 40], [8, 21, 10, 29, 1], [14, 17, 16, 23, 0.5]);
export const plateCorners: readonly Position[] = [
  [8, 10],
  [8, 29],
  [21, 10],
  [21, 29],
];

export const square = () => rectangles([10, 10], [2, 7, 2, 7, 1]);
export const quarters = () => rectangles([10, 10], [0, 4, 0, 4, 1], [5, 9, 5, 9, 1]);

/** The same pixels each time, without a pattern. */
export function noise(rows: number, cols: number): Tensor {
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
  return new Tensor('float32', [rows, cols], Float32Array.from({ length: rows * cols }, next));
}

/** In raster order: to compare as sets. */
export function raster(corners: readonly Position[]): Position[] {
  return [...corners].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/** For each corner, the index of a corner of the other list within `reach` pixels, each used once; −1: none. */
export function matches(corners: readonly Position[], others: readonly Position[], reach = 1): number[] {
  const used = new Set<number>();
  return corners.map(([r, c]) => {
    const at = others.findIndex((o, i) => !used.has(i) && Math.max(Math.abs(o[0] - r), Math.abs(o[1] - c)) <= reach);
    used.add(at);
    return at;
  });
}

/** Harmonic mean of precision and recall; 1 when both lists match. */
export function f1(corners: readonly Position[], others: readonly Position[]): number {
  const hits = matches(corners, others).filter((at) => at >= 0).length;
  return corners.length + others.length === 0 ? 1 : (2 * hits) / (corners.length + others.length);
}

/** The largest difference from the sampled responses, relative to the golden maximum. */
export function responseError(response: Tensor, { response: wanted }: Golden): number {
  const cols = response.shape[1] as number;
  const errors = wanted.samples.map(([r, c, value]) =>
    Math.abs(response.at((r as number) * cols + (c as number)) - (value as number)),
  );
  return Math.max(...errors) / wanted.max;
}
