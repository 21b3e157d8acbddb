/** The size of the drawing, in its own units. */
const [WIDTH, HEIGHT, FOOT] = [720, 160, 34];
const BINS = 24;

/** A histogram of numbers as an SVG element. @param label the name of the numbers */
export function histogramOf(values: readonly number[], label: string): string {
  const [min, max] = extremes(values);
  const bins = binsOf(values, min, max);
  const most = Math.max(...bins.map(({ count }) => count));
  const step = WIDTH / bins.length;
  const bars = bins.map(({ from, to, count }, i) => {
    const height = count === 0 ? 0 : Math.max(2, (count / most) * HEIGHT);
    const [x, y] = [(i * step + 1).toFixed(1), (HEIGHT - height + 14).toFixed(1)];
    const title = from === to ? `${short(from)}` : `${short(from)} to ${short(to)}`;
    const top = `<text x="${(i * step + step / 2).toFixed(1)}" y="${(HEIGHT - height + 10).toFixed(1)}" text-anchor="middle">${count || ''}</text>`;
    return `<rect x="${x}" y="${y}" width="${(step - 2).toFixed(1)}" height="${height.toFixed(1)}"><title>${title}: ${count}</title></rect>${top}`;
  });
  const foot = HEIGHT + FOOT;
  const ends = [
    `<text x="0" y="${foot}">${short(min)}</text>`,
    `<text x="${WIDTH}" y="${foot}" text-anchor="end">${short(max)}</text>`,
    `<text x="${WIDTH / 2}" y="${foot}" text-anchor="middle">${label.replace(/[&<>]/g, '')}</text>`,
  ];
  const style = 'fill="#3b6ea5" font-family="system-ui, sans-serif" font-size="11"';
  return `<svg viewBox="0 0 ${WIDTH} ${foot + 6}" role="img" ${style}>${bars.join('')}<g fill="#444">${ends.join('')}</g></svg>`;
}

interface Bin {
  readonly from: number;
  readonly to: number;
  count: number;
}

/** Whole numbers of a small range have a bin each. */
function binsOf(values: readonly number[], min: number, max: number): Bin[] {
  const whole = values.every(Number.isInteger);
  const width = whole ? Math.max(1, Math.ceil((max - min + 1) / BINS)) : (max - min) / BINS || 1;
  const n = whole ? Math.ceil((max - min + 1) / width) : max === min ? 1 : BINS;
  const bins = Array.from({ length: n }, (_, i): Bin => {
    const from = min + i * width;
    return { from, to: whole ? from + width - 1 : from + width, count: 0 };
  });
  for (const value of values) (bins[Math.min(n - 1, Math.floor((value - min) / width))] as Bin).count++;
  return bins;
}

function extremes(values: readonly number[]): [min: number, max: number] {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return [min, max];
}

const short = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(3));
