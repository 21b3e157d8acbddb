import { type Corner, type FloatImage, floatImage, type Image } from '../image.ts';
import { fUpperPoint } from './f-test.ts';
import { type SubpixOptions, subpixOptions } from './options.ts';

/**
 * cornerSubpix of the public API. It fits each window as a crossing of edges and as a dot; an F-test decides between
 * the two, or for neither. Algorithm: Förstner and Gülch, "A fast operator for detection and precise location of
 * distinct points, corners and centres of circular features" (1987), as in scikit-image. It computes float64 on the
 * host: a few windows of 13×13 are too little for a device.
 * @throws ShapeError, RangeError
 */
export async function cornerSubpix(
  image: Image,
  corners: readonly Corner[],
  options: SubpixOptions = {},
): Promise<(Corner | null)[]> {
  const rule = subpixOptions(options);
  return refineCorners(await floatImage(image), corners, rule);
}

/** cornerSubpix in a checked picture. @throws RangeError for a corner outside the picture */
export function refineCorners(
  image: FloatImage,
  corners: readonly Corner[],
  { windowSize, alpha }: Required<SubpixOptions>,
): (Corner | null)[] {
  const reach = (windowSize - 1) / 2;
  const upper = fUpperPoint(1 - alpha, windowSize * windowSize - 2);
  return corners.map((corner) => {
    assertInside(corner, image);
    return refine(gradients(image, corner, reach), corner, reach, upper);
  });
}

function assertInside([row, col]: Corner, { rows, cols }: FloatImage): void {
  const inside = [row, col].every(Number.isInteger) && row >= 0 && col >= 0 && row < rows && col < cols;
  if (!inside) throw new RangeError(`corner [${row}, ${col}] lies outside of a picture of [${rows}, ${cols}]`);
}

/** The products g_r², g_r·g_c and g_c² of the gradients around a corner, row by row. */
interface Products {
  readonly rr: Float64Array;
  readonly rc: Float64Array;
  readonly cc: Float64Array;
}

function gradients(image: FloatImage, [row, col]: Corner, reach: number): Products {
  const side = 2 * reach + 1;
  const products = {
    rr: new Float64Array(side * side),
    rc: new Float64Array(side * side),
    cc: new Float64Array(side * side),
  };
  for (let i = 0; i < side * side; i++) {
    const r = row - reach + Math.floor(i / side);
    const c = col - reach + (i % side);
    const [gr, gc] = sobel(image, r, c);
    products.rr[i] = gr * gr;
    products.rc[i] = gr * gc;
    products.cc[i] = gc * gc;
  }
  return products;
}

function sobel(image: FloatImage, r: number, c: number): [gr: number, gc: number] {
  const at = (dr: number, dc: number) => pixel(image, r + dr, c + dc);
  const down = at(1, -1) + 2 * at(1, 0) + at(1, 1);
  const up = at(-1, -1) + 2 * at(-1, 0) + at(-1, 1);
  const right = at(-1, 1) + 2 * at(0, 1) + at(1, 1);
  const left = at(-1, -1) + 2 * at(0, -1) + at(1, -1);
  return [down - up, right - left];
}

function pixel({ data, rows, cols }: FloatImage, r: number, c: number): number {
  return r < 0 || c < 0 || r >= rows || c >= cols ? 0 : (data[r * cols + c] as number);
}

function refine(window: Products, [row, col]: Corner, reach: number, upper: number): Corner | null {
  const { rr, rc, cc } = window;
  const negated = rc.map((value) => -value);
  // A dot is an edge crossing with the axes exchanged and the mixed product negated.
  const dot = fit(cc, negated, rr, reach);
  const edge = fit(rr, rc, cc, reach);
  if (dot === null || edge === null) return null;
  const spreadDot = residual(cc, negated, rr, dot, reach);
  const spreadEdge = residual(rr, rc, cc, edge, reach);
  if (spreadDot < Number.EPSILON && spreadEdge < Number.EPSILON) return null;
  const t = spreadDot === 0 ? Number.POSITIVE_INFINITY : spreadEdge / spreadDot;
  if (t < 1 / upper) return [row + edge[0], col + edge[1]];
  return t > upper ? [row + dot[0], col + dot[1]] : null;
}

/** The offset (dy, dx) that the gradients point to. It solves [[Σa, Σb], [Σb, Σc]]·(dy, dx) = (Σa·y + b·x, Σc·x + b·y). */
function fit(a: Float64Array, b: Float64Array, c: Float64Array, reach: number): Corner | null {
  let [sa, sb, sc, py, px] = [0, 0, 0, 0, 0];
  for (let y = -reach, i = 0; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++, i++) {
      const [ai, bi, ci] = [a[i] as number, b[i] as number, c[i] as number];
      sa += ai;
      sb += bi;
      sc += ci;
      py += ai * y + bi * x;
      px += ci * x + bi * y;
    }
  }
  return solve(sa, sb, sc, py, px);
}

/** The solution of [[a, b], [b, c]]·(y, x) = (p, q), by elimination with pivoting; null for a singular matrix. */
function solve(a: number, b: number, c: number, p: number, q: number): Corner | null {
  const swap = Math.abs(b) > Math.abs(a);
  const [a0, b0, p0, a1, b1, p1] = swap ? [b, c, q, a, b, p] : [a, b, p, b, c, q];
  if (a0 === 0) return null;
  const factor = a1 / a0;
  const pivot = b1 - factor * b0;
  if (pivot === 0) return null;
  const x = (p1 - factor * p0) / pivot;
  return [(p0 - b0 * x) / a0, x];
}

/** Σ a·ρ² + 2·b·ρ·ξ + c·ξ², where (ρ, ξ) is the distance from the fitted position. */
function residual(a: Float64Array, b: Float64Array, c: Float64Array, [dy, dx]: Corner, reach: number): number {
  let sum = 0;
  for (let y = -reach, i = 0; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++, i++) {
      const rho = y - dy;
      const xi = x - dx;
      sum += (a[i] as number) * rho * rho + 2 * (b[i] as number) * rho * xi + (c[i] as number) * xi * xi;
    }
  }
  return sum;
}
