// The page: takes the server's events and shows them.
import { Charts } from './charts.js';
import { byId, make } from './dom.js';
import { bytes, clock, colorOf, count, duration, ERROR } from './format.js';
import { addFailures, openFailure, showEngines, showLabels, showNames } from './panels.js';
import { TaskStream } from './task-stream.js';

const LOG_MS = 2000;

// The token is a cookie now: nobody needs to read it over a shoulder, or find it in the history.
history.replaceState(null, '', '/');

const charts = new Charts(byId('charts'));
const tip = byId('tip');
const stream = new TaskStream(byId('stream'), {
  colorOf,
  error: ERROR,
  onPick: (task) => openFailure(task.id),
  onLive: (isLive) => byId('live').classList.toggle('on', isLive),
  onHover: hover,
});
let missed = 0;
/** The clock of engines, less that of this page. */
let skew = 0;
let isBusy = false;

function hover(task, event) {
  tip.hidden = task === undefined;
  if (task === undefined) return;
  const ms = (task.u ?? Date.now() + skew) - task.t;
  const end = task.u === undefined ? 'runs' : task.s;
  tip.textContent = [
    `${task.l}: ${end}, ${duration(ms)}`,
    `engine ${task.e}, from ${clock(task.t)}, client ${task.c}`,
    `${bytes(task.i)} in${task.u === undefined ? '' : `, ${bytes(task.o)} out`}`,
    task.s === 'error' ? 'click for the traceback' : '',
  ].join('\n');
  tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 300)}px`;
  tip.style.top = `${event.clientY + 14}px`;
}

function runningOf(engines) {
  return engines.flatMap(({ id, state, status }) => {
    const task = state === 'up' ? status?.task : undefined;
    if (!task) return [];
    return [
      {
        e: id,
        id: task.id,
        c: task.client.slice(0, 8),
        l: task.label,
        t: task.started,
        s: 'running',
        i: task.bytesIn,
        o: 0,
      },
    ];
  });
}

function show(snapshot) {
  const { engines, labels, rates, queue, running, at } = snapshot;
  skew = at - Date.now();
  isBusy = running > 0;
  const live = engines.filter(({ state }) => state !== 'down');
  stream.state(
    engines.map(({ id }) => id),
    runningOf(engines),
    at,
  );
  stream.draw();
  showEngines(snapshot);
  showLabels(snapshot);
  showNames(snapshot);
  showLegend(labels);
  listLogs(live.map(({ id }) => id));
  byId('summary').textContent =
    `${live.length} engines · ${running} running · ${count(queue)} waiting · ${count(rates.tasks)} tasks/s · ` +
    `${bytes(rates.bytesIn + rates.bytesOut)}/s`;
  byId('stream-note').textContent = missed > 0 ? `${count(stream.size)} shown, ${count(missed)} came too fast` : '';
}

function showLegend(labels) {
  const entries = labels.slice(0, 10).map(({ label }) => {
    const swatch = make('span', 'swatch');
    swatch.style.background = colorOf(label);
    return make('span', '', swatch, label);
  });
  const error = make('span', 'swatch');
  error.style.background = ERROR;
  byId('legend').replaceChildren(...entries, make('span', '', error, 'failed'));
}

function listLogs(ids) {
  const select = byId('log-engine');
  if (select.childElementCount === ids.length + 1) return;
  const chosen = select.value;
  select.replaceChildren(
    ...['all', ...ids].map((id) => {
      const option = make('option', '', id === 'all' ? 'all engines' : `engine ${id}`);
      option.value = String(id);
      return option;
    }),
  );
  if (ids.map(String).includes(chosen)) select.value = chosen;
  void showLog();
}

async function showLog() {
  const engine = byId('log-engine').value;
  if (engine === '' || document.hidden) return;
  const answer = await fetch(`/log?engine=${engine}`).catch(() => undefined);
  if (!answer?.ok) return;
  const wanted = byId('log-filter').value.toLowerCase();
  const lines = (await answer.text()).split('\n').filter((line) => line.toLowerCase().includes(wanted));
  const log = byId('log');
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  const text = lines.join('\n');
  if (log.textContent === text) return;
  log.textContent = text;
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function take({ snapshot, tasks, failures, points, missed: more = 0 }) {
  missed += more;
  stream.add(tasks);
  addFailures(failures);
  if (points !== undefined) charts.add(points);
  if (snapshot === undefined) return;
  const { at, rates, queue, running, cpu } = snapshot;
  if (points === undefined) charts.add([{ at, ...rates, queue, running, cpu }]);
  show(snapshot);
}

const source = new EventSource('/events');
let isKnown = false;
source.addEventListener('hello', (event) => {
  const { cluster, ...all } = JSON.parse(event.data);
  byId('cluster').textContent = cluster;
  document.title = `${cluster} · directview`;
  // After a break the server tells all of it again: the page has it.
  take(isKnown ? { ...all, tasks: [], failures: [], points: [] } : all);
  isKnown = true;
});
source.addEventListener('news', (event) => take(JSON.parse(event.data)));
source.onopen = () => {
  byId('link').className = 'dot on';
  byId('link').title = 'connected';
};
source.onerror = () => {
  byId('link').className = 'dot off';
  byId('link').title = 'the dashboard has ended, or cannot be reached';
};

byId('live').onclick = () => stream.live();
byId('zoom-in').onclick = () => stream.zoom(0.5);
byId('zoom-out').onclick = () => stream.zoom(2);
byId('log-filter').oninput = () => void showLog();
byId('log-engine').onchange = () => void showLog();
setInterval(() => void showLog(), LOG_MS);
// Tasks that run grow between two looks, too.
setInterval(() => {
  if (isBusy && stream.isLive && !document.hidden) stream.tick(Date.now() + skew);
}, 100);
