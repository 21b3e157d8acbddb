import { ShapeError } from '../errors.ts';

/** The lengths of a tensor's axes: [rows, columns] of a matrix, [] of a scalar. */
export type Shape = readonly number[];

/** The number of elements of a shape: 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** @throws ShapeError unless the value is a list of whole numbers ≥ 0 */
export function assertShape(shape: Shape): void {
  if (!Array.isArray(shape) || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new ShapeError(`a shape is a list of whole numbers ≥ 0, not [${shape}]`);
  }
}

/** The shape with the length that −1 stands for; as it is where it does not divide. */
export function completed(shape: Shape, size: number): Shape {
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  if (open < 0) return shape;
  const others = sizeOf(shape.filter((_, axis) => axis !== open));
  const rest = size / others;
  if (Number.isSafeInteger(rest)) return shape.map((n, axis) => (axis === open ? rest : n));
  throw new ShapeError(`shape [${shape}] leaves no whole number for −1: the data has ${size} elements`);
}

/** True if two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}

/** The axis that a number stands for: negative ones count from the last. @throws RangeError */
export function axisOf(axis: number, rank: number): number {
  const place = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(place) && place >= 0 && place < rank) return place;
  throw new RangeError(`axis ${axis} is out of range for ${axesText(rank)}`);
}

/** "1 axis", "2 axes". */
export function axesText(rank: number): string {
  return rank === 1 ? '1 axis' : `${rank} axes`;
}
