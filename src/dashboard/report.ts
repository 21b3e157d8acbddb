import { availableParallelism } from 'node:os';
import { writeFileAtomic } from '../util/atomic-write.ts';
import { pageText } from './assets.ts';
import type { EngineView } from './engine-track.ts';
import { briefOf } from './event-streams.ts';
import type { Observer } from './observer.ts';
import { type Snapshot, totalsOf } from './snapshot.ts';

/** The run that a report is about. */
export interface RunFacts {
  /** The name of the script, or of the cluster. */
  readonly title: string;
  /** The tasks and failures that an observer of the run has seen. */
  readonly followed: Pick<Observer, 'tasks' | 'failures' | 'missed'>;
  /** The engines before the run, where it did not begin with them. */
  readonly first?: Snapshot | undefined;
  /** The engines after the run. */
  readonly last: Snapshot;
}

/** Makes the text of a page. */
export type ReportText = (facts: RunFacts) => string;

/** Writes the report: one page that needs no other file. */
export async function writeReport(file: string, facts: RunFacts): Promise<void> {
  const text = await preparedReport();
  await writeFileAtomic(file, text(facts));
}

/** Reads what every page has, so that its text can be made where nothing can be awaited. */
export async function preparedReport(): Promise<ReportText> {
  const [style, stream, format, script] = await Promise.all(
    ['style.css', 'task-stream.js', 'format.js', 'report.js'].map(pageText),
  );
  // Modules cannot import each other within a page: they become one.
  const code = [format, stream, script].map((text) => asOneModule(text as string)).join('\n');
  return (facts) => page(facts, style as string, code);
}

function asOneModule(text: string): string {
  return text.replace(/^import [^;]*;$/gm, '').replace(/^export /gm, '');
}

function page(facts: RunFacts, style: string, code: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${escaped(facts.title)} · directview report</title>
<style>${style}</style>
</head>
<body>
<header><h1>directview report</h1><span id="cluster"></span><span id="summary"></span></header>
<main>
<section class="card wide"><h2>Task stream <small id="stream-note"></small></h2><div id="stream"></div><div id="legend"></div></section>
<section class="card wide"><h2>By label</h2><div class="scroll"><table id="labels"></table></div></section>
<section class="card wide"><h2>Engines</h2><div class="scroll"><table id="engines"></table></div></section>
<section class="card wide"><h2>Errors <small id="failure-count"></small></h2><div id="failures"></div></section>
</main>
<div id="tip" hidden></div>
<script type="application/json" id="data">${dataOf(facts)}</script>
<script type="module">${code}</script>
</body>
</html>
`;
}

/** The facts as JSON that ends no element, whatever engines have said. */
function dataOf({ title, followed, first, last }: RunFacts): string {
  const { tasks, failures, missed } = followed;
  const since = first?.at ?? 0;
  const data = {
    title,
    at: last.at,
    system: `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`,
    engines: last.engines.map(briefEngine),
    labels: labelsBetween(first, last),
    tasks: tasks.filter(({ ended }) => ended >= since).map(briefOf),
    failures: failures.filter(({ ended }) => ended >= since),
    missed,
  };
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

function briefEngine({ id, pid, kind, adapter, state, status }: EngineView) {
  const { completed, rss, bytesIn, bytesOut, cpuMs, memory } = status ?? {};
  return { id, pid, kind, adapter, state, completed, rss, bytesIn, bytesOut, cpuMs, names: memory?.names ?? {} };
}

/** The sums of the run: those after it, less those before. */
function labelsBetween(first: Snapshot | undefined, last: Snapshot) {
  const before = new Map(totalsOf(first?.engines ?? []).map((totals) => [totals.label, totals]));
  const sums = last.labels.map((now) => {
    const then = before.get(now.label);
    if (then === undefined) return now;
    return {
      ...now,
      done: Math.max(0, now.done - then.done),
      failed: Math.max(0, now.failed - then.failed),
      aborted: Math.max(0, now.aborted - then.aborted),
      ms: Math.max(0, now.ms - then.ms),
      bytesIn: Math.max(0, now.bytesIn - then.bytesIn),
      bytesOut: Math.max(0, now.bytesOut - then.bytesOut),
    };
  });
  return sums.filter(({ queued, done, failed, aborted }) => queued + done + failed + aborted > 0);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
