import { digits } from './contest.ts';

/** One bar. Bars of one series have one colour. */
export interface Bar {
  readonly series: string;
  readonly value: number;
}

/** Bars with one label. */
export interface BarGroup {
  readonly label: string;
  readonly bars: readonly Bar[];
}

/** The data of a chart. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly BarGroup[];
}

const WIDTH = 900;
const LEFT = 260;
const RIGHT = 90;
const TOP = 70;
const BAR = 18;
const GAP = 10;
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];

/** A horizontal bar chart as SVG text: one colour per series, a number at every bar. */
export function barChart({ title, unit, groups }: Chart): string {
  const series = [...new Set(groups.flatMap(({ bars }) => bars.map((bar) => bar.series)))];
  const colour = (name: string) => COLOURS[series.indexOf(name) % COLOURS.length] as string;
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)), Number.MIN_VALUE);
  const parts: string[] = [text(20, 26, title, { size: 18, weight: 'bold' }), legend(series, colour)];
  let y = TOP;
  for (const { label, bars } of groups) {
    parts.push(text(LEFT - 10, y + (bars.length * BAR) / 2 + 4, label, { anchor: 'end' }));
    for (const { series: name, value } of bars) {
      const width = ((WIDTH - LEFT - RIGHT) * value) / most;
      parts.push(`<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${colour(name)}"/>`);
      parts.push(text(LEFT + width + 6, y + BAR - 6, `${digits(value)} ${unit}`, {}));
      y += BAR;
    }
    y += GAP;
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 6}" font-family="sans-serif">` +
    `<rect width="100%" height="100%" fill="white"/>${parts.join('')}</svg>`
  );
}

function legend(series: readonly string[], colour: (name: string) => string): string {
  let x = 20;
  return series
    .map((name) => {
      const item = `<rect x="${x}" y="40" width="12" height="12" fill="${colour(name)}"/>${text(x + 18, 51, name, {})}`;
      x += 36 + 8 * name.length;
      return item;
    })
    .join('');
}

interface TextStyle {
  readonly size?: number;
  readonly weight?: string;
  readonly anchor?: string;
}

function text(
  x: number,
  y: number,
  words: string,
  { size = 13, weight = 'normal', anchor = 'start' }: TextStyle,
): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return (
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" font-weight="${weight}" ` +
    `text-anchor="${anchor}">${escaped}</text>`
  );
}
