// A launcher of one's own, with real agents and engines on this host, over tcp and the cluster's keys.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { LaunchRequest, Placement, StopOptions } from '../../../src/cluster/launchers/launcher.ts';
import type { ClusterEvent } from '../../../src/cluster/start-options.ts';
import { ClusterError, EngineError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { sleep, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { ProcessLauncher } from '../../support/systems/process-launcher.ts';

const test = suite('systems/own-launcher');
const events: ClusterEvent[] = [];
const launcher = new ProcessLauncher();
const LIGHT = { device: 'none', threads: 1, listen: 'tcp://127.0.0.1' } as const;
let cluster: Cluster;
declare const engine: { readonly id: number; readonly host: string };

/** A launcher whose system errs. */
class Mistaken extends ProcessLauncher {
  tell = (_: Placement): void => {};

  override onState(listener: (placement: Placement) => void): void {
    this.tell = listener;
    super.onState(listener);
  }
}

test.before(async () => {
  cluster = await Cluster.start({
    launcher,
    engines: 2,
    device: 'cpu',
    threads: 1,
    listen: 'tcp://127.0.0.1',
    seed: 7,
    inspect: true,
    onEvent: (event) => events.push(event),
  });
});
test.after(() => cluster?.stop());

test('agents run where the launcher put them, and engines know their host', async () => {
  const rc = await cluster.connect();
  const [first] = cluster.engines;
  assert.is(first?.host, await rc.view(0).apply(() => engine.host));
  assert.equal(await rc.view('all').apply(() => engine.id), [0, 1]);
  const seen = events.filter((event) => event.type === 'placement').map((event) => event.state);
  assert.ok(seen.includes('running'), String(seen));
});

test('a killed engine: its signal, its tasks, its neighbour', async () => {
  const rc = await cluster.connect();
  const down = rc.view(0).apply(() => process.kill(process.pid, 'SIGKILL'));
  const error = await down.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.match(String(error), /was killed by SIGKILL/);
  assert.is(await rc.view(1).apply(() => 6 * 7), 42);
});

test('an agent that is killed: its engine ends with it, for that reason, and another takes its place', async () => {
  await using one = await Cluster.start({ ...LIGHT, launcher: new ProcessLauncher(), engines: 1 });
  const rc = await one.connect();
  const lost = rc.view(0).apply(() => new Promise<never>(() => {}));
  await untilRunning(rc, [0]);
  const agent = parentOf(rc.engine(0)?.pid as number);
  process.kill(agent, 'SIGKILL');
  await rejects(() => lost, EngineError, /ended with its agent \(SIGKILL\)/);
  await one.restart(0);
  assert.equal(await rc.view('all').apply(() => engine.id), [0]);
});

const parentOf = (pid: number) => Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }));

test('logs of engines that agents look after, their seed and their debuggers', async () => {
  const rc = await cluster.connect();
  await rc.view(1).apply(() => {
    setTimeout(() => console.log('said after its task'), 1);
  });
  for (let text = ''; !text.includes('said after its task'); text = await cluster.logs(1)) await sleep(20);
  assert.is(await cluster.logs(0).then((text) => text.includes('said after')), false);
  const { seed, inspector } = (await rc.status(1)).get(1) ?? {};
  assert.is(seed, 7);
  assert.match(String(inspector), /^ws:\/\/127\.0\.0\.1:/);
});

test('it can be restarted: the agent is still there', async () => {
  await cluster.restart([0, 1]);
  const ended = events.filter((event) => event.type === 'placement' && event.state === 'ended');
  assert.equal(ended, [], 'no place was given away');
  const rc = await cluster.connect();
  assert.equal(await rc.view('all').apply(() => engine.id), [0, 1]);
});

test('a signal of the scheduler: told as an event, and load-balanced work goes elsewhere', async () => {
  const rc = await cluster.connect();
  const told = new Promise<number>((resolve) => {
    rc.onEvent((event) => {
      if (event.type === 'engine-draining') resolve(event.id);
    });
  });
  await launcher.signal('SIGUSR1', [1]);
  assert.is(await told, 1);
  assert.equal(await rc.loadBalanced().map(() => engine.id, [1, 2, 3, 4, 5, 6]), [0, 0, 0, 0, 0, 0]);
  assert.is(await rc.view(1).apply(() => engine.id), 1);
});

test('a signal that comes while an engine starts counts for it, and for the one that follows in its place', async () => {
  const own = new ProcessLauncher();
  const drained: number[] = [];
  const onEvent = (event: ClusterEvent) => {
    if (event.type === 'engine-draining') drained.push(event.id);
    if (event.type !== 'placement' || event.state !== 'running' || !event.ids.includes(1)) return;
    if (drained.length === 0) void own.signal('SIGUSR2', [1]);
  };
  await using early = await Cluster.start({ ...LIGHT, launcher: own, engines: 2, deathTimeout: 8000, onEvent });
  const rc = await early.connect();
  // The client is told a little later than the cluster.
  const untilSpared = async () => {
    while ((await rc.loadBalanced().map(() => engine.id, [1, 2, 3, 4])).includes(1)) await sleep(10);
  };
  await until('the drain', () => drained.length === 1);
  await untilSpared();
  await early.restart(1);
  await until('the drain of the next one', () => drained.length === 2);
  await untilSpared();
  assert.equal(drained, [1, 1]);
});

test('a launcher that fails to stop is heard, and the rest of the cluster is ended', async () => {
  class Failing extends ProcessLauncher {
    override async stop(options?: StopOptions): Promise<void> {
      await super.stop(options);
      throw new ClusterError('its system does not answer');
    }
  }
  const failing = new Failing();
  const one = await Cluster.start({ ...LIGHT, launcher: failing, engines: 1 });
  const { file } = one;
  await rejects(() => one.stop(), ClusterError, /its system does not answer/);
  assert.not(existsSync(file));
  class Full extends Failing {
    override async start(): Promise<readonly Placement[]> {
      throw new ClusterError('there is no room');
    }
  }
  await rejects(() => Cluster.start({ ...LIGHT, launcher: new Full(), engines: 1 }), ClusterError, /there is no room/);
});

test('a launcher that gives no placements is told which ones it should', async () => {
  class Forgetful extends ProcessLauncher {
    readonly gives: (placements: readonly Placement[]) => unknown;

    constructor(gives: (placements: readonly Placement[]) => unknown) {
      super();
      this.gives = gives;
    }

    override async start(request: LaunchRequest): Promise<readonly Placement[]> {
      return this.gives(await super.start(request)) as readonly Placement[];
    }
  }
  const rows: readonly [(placements: readonly Placement[]) => unknown, RegExp][] = [
    [() => undefined, /launcher 'process': start gives a list such as \[\{ slots.*, not undefined/],
    [(all) => [...all, { slots: [0], state: 'sleeping' }], /number 1 of this one is/],
    [(all) => all.map(({ slots }) => ({ slots: slots[0], state: 'queued' })), /number 0 of this one is/],
    [() => [], /launcher 'process': start says nothing of engines 0/],
  ];
  for (const [gives, says] of rows)
    await rejects(() => Cluster.start({ ...LIGHT, launcher: new Forgetful(gives), engines: 1 }), TypeError, says);
  const own = new Mistaken();
  await using _ = await Cluster.start({ ...LIGHT, launcher: own, engines: 1 });
  assert.throws(() => own.tell({ slots: [0], state: 'gone' as 'ended' }), /launcher 'process': a placement is/);
});

test('a launcher serves one cluster at a time', async () => {
  const own = new ProcessLauncher();
  const first = await Cluster.start({ ...LIGHT, launcher: own, engines: 1 });
  await rejects(
    () => Cluster.start({ ...LIGHT, launcher: own, engines: 1 }),
    TypeError,
    /serves one cluster.*make another/,
  );
  const rc = await first.connect();
  assert.equal(await rc.view('all').apply(() => engine.id), [0]);
  await first.stop();
  await using again = await Cluster.start({ ...LIGHT, launcher: own, engines: 1 });
  assert.is(again.engines.length, 1);
});

test('no time at all without a controller: agents wait for a while all the same', async () => {
  await using one = await Cluster.start({ ...LIGHT, launcher: new ProcessLauncher(), engines: 1, deathTimeout: 0 });
  const rc = await one.connect();
  assert.equal(await rc.view('all').apply(() => engine.id), [0]);
});

test('an engine whose place will end gets a successor before it, and ends when it has nothing to do', async () => {
  // The successor reads the same time, which is too near then to count.
  const own = new ProcessLauncher(['env', `SLURM_JOB_END_TIME=${Math.ceil(Date.now() / 1000) + 8}`]);
  const told: ClusterEvent[] = [];
  const timed = await Cluster.start({
    launcher: own,
    engines: 1,
    device: 'none',
    listen: 'tcp://127.0.0.1',
    restart: 1,
    onEvent: (event) => told.push(event),
  });
  try {
    const rc = await timed.connect();
    // One task at a time, from before the change to after it: each ends, on the one engine or the other.
    const seen = new Set<number>();
    while (!seen.has(1) || rc.ids.length > 1) seen.add(await rc.loadBalanced().apply(() => engine.id));
    assert.equal([...seen], [0, 1]);
    assert.equal(rc.ids, [1]);
    const down = told.find((event) => event.type === 'engine-down');
    assert.match(JSON.stringify(down), /the time of its place ends, and engine 1 is there/);
    assert.not.ok(told.some((event) => event.type === 'replacement-failed'));
  } finally {
    await timed.stop();
  }
});

test('a system that says that a place has ended is not believed while its agent is there', async () => {
  const own = new Mistaken();
  let back = (): void => {};
  const isBack = new Promise<void>((resolve) => {
    back = resolve;
  });
  let hasEnded = false;
  await using erring = await Cluster.start({
    launcher: own,
    engines: 2,
    device: 'none',
    listen: 'tcp://127.0.0.1',
    onEvent: (event) => {
      if (event.type !== 'placement' || event.state === 'starting') return;
      if (event.state === 'ended') hasEnded = true;
      else if (hasEnded) back();
    },
  });
  const rc = await erring.connect();
  const pid = await rc.view(0).apply(() => process.pid);
  own.tell({ slots: [0], state: 'ended', why: 'COMPLETED' });
  await isBack;
  assert.equal(rc.ids, [0, 1]);
  assert.is(await rc.view(0).apply(() => process.pid), pid);
  // Its end is told as that of any other.
  const died = await rc
    .view(0)
    .apply(() => process.kill(process.pid, 'SIGKILL'))
    .then(String, String);
  assert.match(died, /was killed by SIGKILL/);
});

test.run();
