// Numbers as people read them, and the colours of labels.

/** 1536 → '1.5 kB'. */
export function bytes(n) {
  if (n === undefined || n === null) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; n >= 1000 && unit < units.length - 1; unit++) n /= 1000;
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** 12345 → '12.3k'. */
export function count(n) {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(1)}k`;
  return n >= 100 || Number.isInteger(n) ? String(Math.round(n)) : n.toFixed(1);
}

/** Milliseconds → '320 ms', '4.2 s', '3 min 5 s'. */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

/** The time of day. */
export function clock(ms) {
  return new Date(ms).toTimeString().slice(0, 8);
}

// Okabe and Ito's colours, which people with any kind of colour vision tell apart, and some between them; red is for errors.
const COLORS = [
  '#2f7fd1',
  '#e69f00',
  '#009e73',
  '#b07cc6',
  '#56b4e9',
  '#8a7a1e',
  '#4b5bb5',
  '#2aa5a0',
  '#a0693a',
  '#7f8c9b',
];
const known = new Map();

/** The colour of a label: in the order in which labels appear, so that few labels have different ones. */
export function colorOf(label) {
  if (!known.has(label)) known.set(label, COLORS[known.size % COLORS.length]);
  return known.get(label);
}

/** The colour of errors. */
export const ERROR = '#d13438';
