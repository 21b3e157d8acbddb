// The tables: engines, labels, names by size, failures.
import { bar, byId, confirmed, make, number, row } from './dom.js';
import { bytes, clock, colorOf, count, duration, ERROR } from './format.js';

const MAX_NAMES = 30;
const MAX_FAILURES = 100;

async function act(what, engine, question) {
  if (!(await confirmed(question))) return;
  const answer = await fetch(`/${what}`, { method: 'POST', body: JSON.stringify({ engine }) });
  if (!answer.ok) await confirmed(`engine ${engine}: ${await answer.text()}`);
}

function stateOf({ state, status }, now) {
  if (state === 'down') return make('td', 'grow', make('span', 'badge bad', 'down'));
  if (state === 'silent' || status === null) return make('td', 'grow', make('span', 'badge bad', 'no answer'));
  if (status.blockedMs !== undefined) return make('td', 'grow', make('span', 'badge bad', 'blocked'));
  const { task } = status;
  if (!task) return make('td', 'grow', make('span', 'badge', 'idle'));
  const swatch = make('span', 'swatch');
  swatch.style.background = colorOf(task.label);
  const client = make('span', 'soft', `  client ${task.client.slice(0, 8)}`);
  return make('td', 'grow', swatch, `${task.label} `, make('b', '', duration(now - task.started)), client);
}

function buttons(engine) {
  const { id, state } = engine;
  const cell = make('td', 'actions');
  const verbs = {
    interrupt: `Interrupt what runs on engine ${id}? Its task ends with TaskInterrupted, whosever it is.`,
    restart: `Restart engine ${id}? Its names and its tasks are lost.`,
  };
  for (const [verb, question] of Object.entries(verbs)) {
    const button = make('button', '', verb);
    button.dataset.verb = verb;
    button.disabled = state === 'down';
    button.onclick = () => act(verb, id, question);
    cell.append(button);
  }
  return cell;
}

const waiting = ({ status }) => (status?.labels ?? []).reduce((sum, { queued }) => sum + queued, 0);
const failed = ({ status }) => (status?.labels ?? []).reduce((sum, label) => sum + label.failed, 0);

function gpuOf({ gpu }) {
  if (gpu?.busy === undefined) return make('td', 'soft', '–');
  return bar(gpu.busy, `${Math.round(gpu.busy * 100)} %  ${bytes(gpu.used)} of ${bytes(gpu.total)}`);
}

/** The table of engines. Rows stay while a dialog is about one of them. */
export function showEngines({ engines, at }) {
  const head = [
    'id',
    'device',
    'task',
    'queue',
    'done',
    'failed',
    'tasks/s',
    'CPU',
    'loop',
    'GPU',
    'memory',
    'in',
    'out',
    '',
  ];
  const numbers = new Set(['queue', 'done', 'failed', 'tasks/s', 'memory', 'in', 'out']);
  const rows = engines.map((engine) => {
    const { status } = engine;
    const failures = failed(engine);
    const line = row([
      engine.id,
      `${engine.kind} (${engine.adapter})`,
      stateOf(engine, at),
      number(count(waiting(engine))),
      number(count(status?.completed ?? 0)),
      make('td', failures > 0 ? 'n bad' : 'n', count(failures)),
      number(count(engine.rates.tasks)),
      bar(status?.cpu, `${Math.round((status?.cpu ?? 0) * 100)} %`),
      bar(status?.utilization, `${Math.round((status?.utilization ?? 0) * 100)} %`),
      gpuOf(status ?? {}),
      number(bytes(status?.rss)),
      number(bytes(status?.bytesIn)),
      number(bytes(status?.bytesOut)),
      buttons(engine),
    ]);
    line.className = engine.state;
    line.dataset.engine = engine.id;
    if (status?.inspector) line.title = `debugger: ${status.inspector}`;
    return line;
  });
  const titles = head.map((title) => (numbers.has(title) ? number(title, 'th') : make('th', '', title)));
  byId('engines').replaceChildren(row(titles, 'th'), ...rows);
}

function progress({ queued, done, failed: bad, aborted }, label) {
  const all = Math.max(1, queued + done + bad + aborted);
  const parts = [
    [done, colorOf(label)],
    [bad, ERROR],
    [aborted, '#999'],
  ];
  const line = make('div', 'progress');
  for (const [n, color] of parts) {
    const part = make('i');
    part.style.width = `${(100 * n) / all}%`;
    part.style.background = color;
    line.append(part);
  }
  return make('td', '', line);
}

/** The table of labels. */
export function showLabels({ labels }) {
  const head = ['label', 'progress', 'waiting', 'done', 'failed', 'mean', 'in', 'out'];
  const titles = head.map((title, i) => (i < 2 ? make('th', '', title) : number(title, 'th')));
  const rows = labels.map((sums) => {
    const { label, queued, done, failed: bad, ms, bytesIn, bytesOut } = sums;
    const swatch = make('span', 'swatch');
    swatch.style.background = colorOf(label);
    return row([
      make('td', '', swatch, label),
      progress(sums, label),
      number(count(queued)),
      number(count(done)),
      make('td', bad > 0 ? 'n bad' : 'n', count(bad)),
      number(done + bad > 0 ? duration(ms / (done + bad)) : '–'),
      number(bytes(bytesIn)),
      number(bytes(bytesOut)),
    ]);
  });
  byId('labels').replaceChildren(row(titles, 'th'), ...rows);
  if (rows.length === 0) byId('labels').append(row([make('td', 'empty', 'no task yet')]));
}

/** The names of all engines by size. */
export function showNames({ engines }) {
  const all = engines.flatMap(({ id, state, status }) =>
    state === 'down'
      ? []
      : Object.entries(status?.memory?.names ?? {}).map(([name, size]) => ({
          name,
          size,
          engine: id,
          resident: status.memory.resident[name] ?? 0,
        })),
  );
  const sorted = all.sort((a, b) => b.size - a.size).slice(0, MAX_NAMES);
  const largest = sorted[0]?.size ?? 1;
  const titles = [
    make('th', '', 'name'),
    make('th', '', 'engine'),
    make('th', '', ''),
    number('bytes', 'th'),
    number('on the device', 'th'),
  ];
  const rows = sorted.map(({ name, size, engine, resident }) =>
    row([
      name,
      `engine ${engine}`,
      bar(size / largest, '', false),
      number(bytes(size)),
      number(resident > 0 ? bytes(resident) : '–'),
    ]),
  );
  byId('names').replaceChildren(row(titles, 'th'), ...rows);
  if (rows.length === 0) byId('names').append(row([make('td', 'empty', 'no name holds bytes')]));
}

/** Adds failures, the newest on top. */
export function addFailures(failures) {
  const host = byId('failures');
  for (const { engine, id, label, ended, name, message, traceback } of failures) {
    const title = make('summary', '', make('span', 'badge', `engine ${engine}`), make('b', '', label));
    title.append(make('span', 'bad', name), make('span', 'message', message), make('time', '', clock(ended)));
    const entry = make('details', '', title, make('pre', '', traceback || `${name}: ${message}`));
    entry.dataset.task = id;
    host.prepend(entry);
  }
  while (host.childElementCount > MAX_FAILURES) host.lastElementChild.remove();
  byId('failure-count').textContent = host.childElementCount > 0 ? `the last ${host.childElementCount}` : 'none';
}

/** Opens the failure of this task, if it is there. */
export function openFailure(id) {
  const found = [...byId('failures').children].find((entry) => entry.dataset.task === id);
  if (found === undefined) return;
  found.open = true;
  found.scrollIntoView({ behavior: 'smooth', block: 'center' });
}
