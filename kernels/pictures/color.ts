/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

const NAMED: Readonly<Record<string, Rgb>> = {
  red: [255, 0, 0],
  lime: [0, 255, 0],
  blue: [0, 0, 255],
  yellow: [255, 255, 0],
  cyan: [0, 255, 255],
  magenta: [255, 0, 255],
  orange: [255, 165, 0],
  white: [255, 255, 255],
  black: [0, 0, 0],
};

/** The colour of a name or of `#rrggbb`. @throws RangeError with the list of names */
export function rgbOf(color: string): Rgb {
  const named = Object.hasOwn(NAMED, color) ? NAMED[color] : undefined;
  if (named !== undefined) return named;
  const [, red, green, blue] = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color) ?? [];
  if (red === undefined || green === undefined || blue === undefined) {
    throw new RangeError(`color is #rrggbb or one of ${Object.keys(NAMED).join(', ')}, not ${color}`);
  }
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}
