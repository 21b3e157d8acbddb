// 10,000 load-balanced tasks with random failures, aborts and two killed engines: every task ends exactly once, in a way
// that it could, and none without retries has run twice. STRESS_SEED repeats a run.
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import type { Task } from '../../../src/client/links/task.ts';
import type { LoadBalancedView } from '../../../src/client/load-balanced/balanced-view.ts';
import type { AsyncResult } from '../../../src/client/results/async-result.ts';
import { EngineError, RemoteError, TaskAborted } from '../../../src/errors.ts';
import { until, withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('stress/ten-thousand');
const SEED = Number(process.env['STRESS_SEED'] ?? 20_260_401);
const TASKS = 10_000;
const ENGINES = 5;
const KILL_AT = [2500, 6000];
/** In flight per engine at most: what one death can take with it. */
const MOST_IN_FLIGHT = 32;

/** mulberry32: numbers in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Kind = 'ok' | 'slow' | 'fails' | 'fails later';

interface Entry {
  readonly index: number;
  readonly kind: Kind;
  readonly retries: number;
  readonly result: AsyncResult<number, number>;
  readonly task: Task;
  abortAsked: boolean;
  ends: number;
}

// On the engine: counts that it ran, before anything else happens.
const work = async (index: number, kind: Kind): Promise<number> => {
  const space = globalThis as unknown as { ran?: Map<number, number> };
  space.ran ??= new Map();
  space.ran.set(index, (space.ran.get(index) ?? 0) + 1);
  if (kind === 'fails') throw new RangeError(`planned ${index}`);
  if (kind !== 'ok') await new Promise((resolve) => setTimeout(resolve, 1));
  if (kind === 'fails later') throw new RangeError(`planned ${index}`);
  return index;
};

function kindOf(random: number): Kind {
  if (random < 0.8) return 'ok';
  if (random < 0.85) return 'slow';
  return random < 0.95 ? 'fails' : 'fails later';
}

/** How it ended, after checking that it could. */
function ending(entry: Entry, killed: ReadonlySet<number>): string {
  const { task, kind, index } = entry;
  const { outcome } = task;
  assert.is(entry.ends, 1, `task ${index} ended ${entry.ends} times`);
  if (outcome === undefined) return assert.unreachable(`task ${index} has not ended`) as never;
  if (outcome.ok) {
    assert.ok(kind === 'ok' || kind === 'slow', `task ${index} was to fail`);
    assert.is(outcome.value, index);
    return 'ok';
  }
  const { error } = outcome;
  if (error instanceof TaskAborted) assert.ok(entry.abortAsked, `nobody aborted task ${index}`);
  else if (error instanceof EngineError)
    assert.ok(killed.has(task.engine?.id as number), `task ${index}: ${error.message}`);
  else {
    assert.instance(error, RemoteError);
    assert.match(error.message, `planned ${index}`);
  }
  return error.constructor.name;
}

function tally(endings: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const end of endings) counts[end] = (counts[end] ?? 0) + 1;
  return counts;
}

/** How often the surviving engines ran this task. */
function checkRuns(
  { index, retries, task }: Entry,
  perEngine: readonly ReadonlyMap<number, number>[],
  alive: ReadonlySet<string>,
): void {
  const runs = perEngine.map((ran) => ran.get(index) ?? 0);
  const total = runs.reduce((a, b) => a + b, 0);
  assert.ok(Math.max(...runs) <= 1, `task ${index} ran ${runs} times on one engine`);
  if (retries === 0) assert.ok(total <= 1, `task ${index}, without retries, ran ${total} times`);
  if (task.status === 'aborted' && retries === 0) assert.is(total, 0, `task ${index} was aborted, and ran`);
  if (task.status === 'ok' && alive.has(task.engine?.uuid ?? '')) assert.ok(total >= 1, `task ${index} never ran`);
}

/** Submits the tasks, and does to them what can happen to tasks. */
class Run {
  readonly entries: Entry[] = [];
  readonly killed = new Set<number>();
  ended = 0;
  readonly #rc: Client;
  readonly #lview: LoadBalancedView;
  readonly #retrying: LoadBalancedView;
  readonly #random = randomOf(SEED);

  constructor(rc: Client) {
    this.#rc = rc;
    this.#lview = rc.loadBalanced();
    this.#retrying = this.#lview.with({ retries: 2 });
  }

  async all(): Promise<void> {
    for (let index = 0; index < TASKS; index++) {
      this.#submit(index);
      if (index % 250 !== 249) continue;
      this.#abortSome();
      await until('engines keep up', () => index - this.ended < 1000, 30_000);
    }
    await until('every task has ended', () => this.entries.every(({ task }) => task.outcome !== undefined), 45_000);
    assert.is(this.#lview.outstanding.size, 0);
  }

  #submit(index: number): void {
    const kind = kindOf(this.#random());
    const retries = this.#random() < 0.3 ? 2 : 0;
    const result = (retries > 0 ? this.#retrying : this.#lview).apply(work, index, kind);
    const entry: Entry = { index, kind, retries, result, task: result.tasks[0] as Task, abortAsked: false, ends: 0 };
    entry.task.onEnd(() => {
      entry.ends++;
      if (++this.ended === KILL_AT[this.killed.size]) this.#kill();
    });
    this.entries.push(entry);
  }

  #abortSome(): void {
    const open = this.entries.slice(-400).filter(({ task }) => task.outcome === undefined && this.#random() < 0.1);
    for (const entry of open) entry.abortAsked = true;
    void this.#lview.abort(open.map(({ result }) => result as AsyncResult<unknown, unknown>)).catch(() => {});
  }

  #kill(): void {
    const ids = this.#rc.ids.filter((id) => !this.killed.has(id));
    const id = ids[Math.floor(this.#random() * ids.length)] as number;
    this.killed.add(id);
    process.kill(this.#rc.engine(id)?.pid as number, 'SIGKILL');
  }
}

function checkCounts(counts: Readonly<Record<string, number>>): void {
  assert.is(
    Object.values(counts).reduce((a, b) => a + b),
    TASKS,
  );
  const lost = counts['EngineError'] ?? 0;
  assert.ok(lost <= MOST_IN_FLIGHT * KILL_AT.length, `${lost} EngineErrors: a death takes only what was in flight`);
  for (const end of ['ok', 'TaskAborted', 'RemoteError']) assert.ok((counts[end] ?? 0) > 0, `no task ended in ${end}`);
}

test(`every task is accounted for exactly once (seed ${SEED})`, () =>
  withRig(ENGINES, async ({ rc }) => {
    const run = new Run(rc);
    await run.all();
    await until('both dead engines are gone', () => rc.length === ENGINES - KILL_AT.length);
    const counts = tally(run.entries.map((entry) => ending(entry, run.killed)));
    console.log(`seed ${SEED}:`, counts, `engines killed: ${[...run.killed].join(', ')}`);
    checkCounts(counts);
    const perEngine = await rc.view(':').apply(() => (globalThis as unknown as { ran: Map<number, number> }).ran);
    const alive = new Set(rc.engines.map((engine) => engine.uuid));
    for (const entry of run.entries) checkRuns(entry, perEngine, alive);
  }));

test.run();
