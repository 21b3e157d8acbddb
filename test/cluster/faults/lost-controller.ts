// A client of another process whose controller ends, however it ends, or is away for a while.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import type { ClientEvent } from '../../../src/client/links/engine-links.ts';
import { ConnectionError, EngineError } from '../../../src/errors.ts';
import { ClusterLab, Program } from '../../fixtures/cluster-lab.ts';
import { rejects } from '../../support/assert.ts';
import { sleep, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/lost-controller');
const lab = new ClusterLab();
test.after(() => lab.remove());

interface Scene {
  readonly name: string;
  readonly host: Program;
  readonly rc: Client;
  readonly events: ClientEvent[];
}

let count = 0;

async function withScene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const name = `host${++count}`;
  const host = new Program('src/cli/main.js', ['start', '--name', name, '-n', '2', '--device', 'cpu']);
  await host.says(/directview/);
  const events: ClientEvent[] = [];
  const rc = await Client.connect(join(lab.home, `${name}.json`), { onEvent: (event) => events.push(event) });
  try {
    await run({ name, host, rc, events });
  } finally {
    await rc.close();
    host.child.kill('SIGCONT');
    host.child.kill('SIGTERM');
    await host.done;
  }
}

const kill = (signal: NodeJS.Signals) => (scene: Scene) => Promise.resolve(void scene.host.child.kill(signal));
const ENDS: readonly [how: string, end: (scene: Scene) => Promise<unknown>][] = [
  ['SIGTERM', kill('SIGTERM')],
  ['SIGINT', kill('SIGINT')],
  ['SIGKILL', kill('SIGKILL')],
  ['directview stop', () => new Program('src/cli/main.js', ['stop', `host${count}`]).done],
  [
    'rc.stopCluster()',
    async ({ rc }) => {
      await rc.stopCluster();
      assert.equal(rc.ids, [], 'it resolves when the cluster is gone');
    },
  ],
];

/** The error of a call that must end, and within 5 s. */
async function failure(call: PromiseLike<unknown>): Promise<Error> {
  const late = sleep(5000).then(() => new Error('it hangs'));
  return Promise.race([
    Promise.resolve(call).then(
      () => new Error('it succeeded'),
      (error: Error) => error,
    ),
    late,
  ]);
}

for (const [how, end] of ENDS) {
  test(`${how}: calls that wait, and later ones, fail; the client knows no engines`, () =>
    withScene(async (scene) => {
      const { rc, events } = scene;
      const engine = rc.view(0);
      const balanced = rc.loadBalanced('all', { retries: 3 });
      const slow = () => new Promise((resolve) => setTimeout(resolve, 60_000));
      const pending = [engine.apply(slow), engine.apply(() => 5), balanced.map(slow, [1, 2, 3, 4])];
      const waiting = [...pending.map((result) => result.get()), rc.waitForEngines(9)].map((call) => failure(call));
      await untilRunning(rc, [0]);
      const other = await Client.connect(join(lab.home, `${scene.name}.json`));
      const id = pending[0]?.msgIds[0] as string;
      const fetched = failure(other.getResult(id));
      await end(scene);
      const afterLoss = [await fetched, await failure(other.getResult(id))];
      await other.close();
      for (const error of afterLoss) assert.instance(error, EngineError);
      assert.match(
        String(afterLoss[0]?.message),
        /may be lost: (its cluster is gone|engine 0 died before it answered)/,
      );
      assert.match(String(afterLoss[1]?.message), /cluster is gone/);
      for (const error of await Promise.all(waiting)) assert.match(error.message, /cluster|controller|Engine 0/);
      assert.equal([rc.ids, rc.length, rc.engines], [[], 0, []]);
      const lost = events.filter(({ type }) => type === 'cluster-lost');
      assert.is(lost.length, 1);
      assert.instance(await failure(engine.apply(() => 5)), EngineError);
      const later = [rc.view('all').apply(() => 5), balanced.apply(() => 5), rc.loadBalanced().map(Math.sqrt, [1])];
      for (const call of later) assert.match((await failure(call)).message, /cluster is gone/);
      assert.instance(await failure(rc.status()), ConnectionError);
      assert.instance(await failure(rc.addEngines(1)), ConnectionError);
      assert.instance(await failure(rc.waitForEngines(1)), ConnectionError);
    }));
}

test('a controller that was stopped for a while is followed again', () =>
  withScene(async ({ host, rc, events }) => {
    const { pid } = rc.engine(1) as { pid: number };
    host.child.kill('SIGSTOP');
    const result = rc.view(0).apply(() => new Promise((resolve) => setTimeout(() => resolve(5), 500)));
    const lost = rc.view(1).apply(() => new Promise((resolve) => setTimeout(resolve, 60_000)));
    // The length of the stop is the subject: ZeroMQ gives up a silent peer after 6 s.
    await sleep(8500);
    assert.is(await result, 5, 'engines work on');
    process.kill(pid, 'SIGKILL');
    host.child.kill('SIGCONT');
    assert.instance(await failure(lost), EngineError);
    await until('engine 1 to leave', () => !rc.ids.includes(1));
    await rc.addEngines(1);
    await rc.waitForEngines(2, { timeout: 10_000 });
    assert.equal(rc.ids, [0, 2]);
    await rc.restart([0, 1]);
    assert.equal(await rc.view('all').apply(() => 5), [5, 5, 5]);
    const dying = failure(
      rc
        .view(2)
        .apply(() => process.kill(process.pid, 'SIGKILL'))
        .get(),
    );
    assert.instance(await dying, EngineError);
    assert.ok(events.some((event) => event.type === 'engine-down' && event.id === 2));
    assert.ok(events.every((event) => event.type !== 'cluster-lost'));
  }));

test('directview run on a cluster of another process ends with it', async () => {
  const name = `host${++count}`;
  const host = new Program('src/cli/main.js', ['start', '--name', name, '-n', '1', '--device', 'cpu']);
  await host.says(/directview/);
  const script = join(lab.root, 'script.mjs');
  writeFileSync(
    script,
    `export async function main(rc) {
  const result = rc[0].apply(() => new Promise((resolve) => setTimeout(resolve, 60_000)));
  console.log('runs');
  await result;
}`,
  );
  const run = new Program('src/cli/main.js', ['run', '--cluster', name, script]);
  await run.says(/runs/);
  host.child.kill('SIGKILL');
  const { code, stderr } = await run.done;
  assert.is(code, 1, stderr);
  assert.match(stderr, /cluster is gone|Engine 0 died/);
  await host.done;
});

test('the file of a cluster that has ended is told at once', async () => {
  const controller = `unix://${join(lab.root, 'nobody')}`;
  await rejects(
    () => Client.connect({ controller, clusterId: 'x' }, { timeout: 9000 }),
    ConnectionError,
    /nobody listens at unix:/,
  );
});

test.run();
