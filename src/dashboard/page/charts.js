// The four charts at the top, by uPlot.
import { make } from './dom.js';
import { bytes, clock, count } from './format.js';

const CHARTS = [
  { title: 'Tasks per second', series: ['tasks'], text: count },
  { title: 'Bytes/s, in and out', series: ['bytesIn', 'bytesOut'], text: bytes },
  { title: 'Waiting and running', series: ['queue', 'running'], text: count },
  { title: 'CPU of engines, in cores', series: ['cpu'], text: (n) => n.toFixed(n < 10 ? 2 : 1) },
];
const STROKES = ['#2f7fd1', '#e69f00'];
const MOST = 600;

function optionsOf({ series, text }, width) {
  const soft = getComputedStyle(document.documentElement).getPropertyValue('--soft').trim();
  const line = getComputedStyle(document.documentElement).getPropertyValue('--line').trim();
  const axis = {
    stroke: soft,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: '10px system-ui, sans-serif',
  };
  return {
    width,
    height: 92,
    cursor: { y: false, points: { size: 5 }, sync: { key: 'directview' } },
    legend: { show: false },
    scales: { y: { range: (_, min, max) => [Math.min(0, min), max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, size: 18, gap: 2, space: 70, values: (_, all) => all.map((at) => clock(at * 1000)) },
      { ...axis, size: 50, gap: 2, space: 22, values: (_, all) => all.map((n) => text(n)) },
    ],
    series: [
      {},
      ...series.map((_, i) => ({ stroke: STROKES[i], width: 1.5, fill: `${STROKES[i]}22`, points: { show: false } })),
    ],
  };
}

/** The charts of a cluster: `add` takes the figures of each look. */
export class Charts {
  #points = [];
  #all;

  constructor(host) {
    this.#all = CHARTS.map((chart) => {
      const value = make('b', '', '–');
      const card = make('div', 'chart', make('h2', '', chart.title, value));
      host.append(card);
      const plot = new globalThis.uPlot(
        optionsOf(chart, Math.max(120, card.clientWidth - 24)),
        [[], ...chart.series.map(() => [])],
        card,
      );
      new ResizeObserver(() => plot.setSize({ width: Math.max(120, card.clientWidth - 24), height: 92 })).observe(card);
      return { chart, value, plot };
    });
  }

  add(points) {
    this.#points = [...this.#points, ...points].slice(-MOST);
    const times = this.#points.map(({ at }) => at / 1000);
    const latest = this.#points.at(-1);
    for (const { chart, value, plot } of this.#all) {
      plot.setData([times, ...chart.series.map((name) => this.#points.map((point) => point[name]))]);
      if (latest !== undefined) value.textContent = chart.series.map((name) => chart.text(latest[name])).join(' / ');
    }
  }
}
