// A report's own page: its data lie beside it, and nothing is loaded. It is one module with format.js and task-stream.js.
import { bytes, clock, colorOf, count, duration, ERROR } from './format.js';
import { TaskStream } from './task-stream.js';

const data = JSON.parse(document.getElementById('data').textContent);
const at = (id) => document.getElementById(id);

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function tableOf(id, head, rows, empty) {
  const cell = (tag) => (text, i) => element(tag, i === 0 || typeof head[i] === 'object' ? '' : 'n', text);
  const title = (text) => (typeof text === 'object' ? text.text : text);
  const lines = [head.map(title), ...rows].map((cells, i) =>
    element('tr', '', ...cells.map(cell(i === 0 ? 'th' : 'td'))),
  );
  at(id).replaceChildren(...lines);
  if (rows.length === 0) at(id).append(element('tr', '', element('td', 'empty', empty)));
}

function swatch(color) {
  const made = element('span', 'swatch');
  made.style.background = color;
  return made;
}

function openFailure(task) {
  const entry = [...at('failures').children].find(({ dataset }) => dataset.task === task.id);
  if (entry === undefined) return;
  entry.open = true;
  entry.scrollIntoView({ behavior: 'smooth', block: 'center' });
}

function hover(task, event) {
  const tip = at('tip');
  tip.hidden = task === undefined;
  if (task === undefined) return;
  tip.textContent = `${task.l}: ${task.s}, ${duration(task.u - task.t)}\nengine ${task.e}, from ${clock(task.t)}\n${bytes(task.i)} in, ${bytes(task.o)} out`;
  tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 300)}px`;
  tip.style.top = `${event.clientY + 14}px`;
}

at('cluster').textContent = data.title;
const all = data.labels.reduce((sum, label) => sum + label.done + label.failed + label.aborted, 0);
at('summary').textContent =
  `${data.engines.length} engines · ${count(all)} tasks · ${new Date(data.at).toLocaleString()} · ${data.system}`;
at('stream-note').textContent =
  `${count(data.tasks.length)} of ${count(Math.max(all, data.tasks.length))} tasks; wheel to zoom, drag to move`;

for (const { label } of data.labels) colorOf(label);
const stream = new TaskStream(at('stream'), { colorOf, error: ERROR, onPick: openFailure, onHover: hover });
stream.add(data.tasks);
stream.state(
  data.engines.map(({ id }) => id),
  [],
  data.at,
);
if (data.tasks.length > 0) {
  const from = data.tasks.reduce((least, { t }) => Math.min(least, t), data.at);
  const to = data.tasks.reduce((most, { u }) => Math.max(most, u), from);
  const slack = Math.max(5, (to - from) * 0.02);
  stream.show(from - slack, to + slack);
}

at('legend').replaceChildren(
  ...data.labels.map(({ label }) => element('span', '', swatch(colorOf(label)), label)),
  element('span', '', swatch(ERROR), 'failed'),
);
tableOf(
  'labels',
  ['label', 'done', 'failed', 'aborted', 'waiting', 'total', 'mean', 'in', 'out'],
  data.labels.map(({ label, done, failed, aborted, queued, ms, bytesIn, bytesOut }) => [
    label,
    count(done),
    count(failed),
    count(aborted),
    count(queued),
    duration(ms),
    done + failed > 0 ? duration(ms / (done + failed)) : '–',
    bytes(bytesIn),
    bytes(bytesOut),
  ]),
  'no task has run',
);
tableOf(
  'engines',
  ['engine', { text: 'device' }, { text: 'state' }, 'tasks', 'CPU', 'memory', 'in', 'out', { text: 'largest names' }],
  data.engines.map(({ id, kind, adapter, state, completed, cpuMs, rss, bytesIn, bytesOut, names }) => [
    String(id),
    `${kind} (${adapter})`,
    state,
    count(completed ?? 0),
    duration(cpuMs ?? 0),
    bytes(rss),
    bytes(bytesIn),
    bytes(bytesOut),
    Object.entries(names)
      .sort((a, b) => b[1] - a[1])
      .slice(0, 4)
      .map(([name, size]) => `${name} ${bytes(size)}`)
      .join(', '),
  ]),
  'no engine',
);
at('failure-count').textContent = data.failures.length > 0 ? `the last ${data.failures.length}` : 'none';
for (const { engine, id, label, ended, name, message, traceback } of data.failures.toReversed()) {
  const title = element('summary', '', element('span', 'badge', `engine ${engine}`), element('b', '', label));
  title.append(element('span', 'bad', name), element('span', 'message', message), element('time', '', clock(ended)));
  const entry = element('details', '', title, element('pre', '', traceback || `${name}: ${message}`));
  entry.dataset.task = id;
  at('failures').append(entry);
}
