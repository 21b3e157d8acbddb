// Options of a start that say how engines run: the seed of engine.random, and debuggers that attach.
import { connect } from 'node:net';
import { Cluster, type StartOptions } from 'directview';
import * as assert from 'uvu/assert';
import { ClusterLab, Program } from '../fixtures/cluster-lab.ts';
import { Debugger } from '../support/debugger.ts';
import { suite } from '../support/suite.ts';

declare const engine: {
  readonly random: { (): number; readonly seed: number; normal(): number; integer(n: number): number };
};

const test = suite('cluster: starting');
const lab = new ClusterLab();
test.after(() => {
  assert.equal(lab.leftovers(), []);
  lab.remove();
});

const draw = () => [engine.random(), engine.random.normal(), engine.random.integer(1000)];

/** Runs something on a cluster of its own. */
async function on<T>(options: StartOptions, run: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = await Cluster.start({ device: 'cpu', engines: 2, ...options });
  try {
    return await run(cluster);
  } finally {
    await cluster.stop();
  }
}

test('two runs with one seed draw the same numbers, also on another device and after a restart; engines differ', async () => {
  const first = await on({ seed: 5 }, async (cluster) => {
    const rc = await cluster.connect();
    const drawn = await rc.view(':').apply(draw);
    assert.equal(
      [...(await rc.status()).values()].map(({ seed }) => seed),
      [5, 5],
    );
    await rc.restart(1);
    assert.equal(await rc.view(1).apply(draw), drawn[1], 'a restarted engine begins anew');
    return drawn;
  });
  assert.is.not(first[0]![0], first[1]![0]);
  const again = await on({ seed: 5, device: 'wasm' }, async (cluster) =>
    (await cluster.connect()).view(':').apply(draw),
  );
  assert.equal(again, first);
});

test('without a seed one is drawn, the status tells it, and it gives the same numbers again; no debugger is let in', async () => {
  const once = await on({}, async (cluster) => {
    const rc = await cluster.connect();
    const [{ seed, inspector } = {}, other] = [...(await rc.status()).values()];
    assert.equal([typeof seed, other?.seed, inspector], ['number', seed, undefined]);
    assert.is(await rc.view(0).apply(() => engine.random.seed), seed);
    return { seed: seed as number, drawn: await rc.view(':').apply(draw) };
  });
  const { drawn } = await on({ seed: once.seed }, async (cluster) => ({
    drawn: await (await cluster.connect()).view(':').apply(draw),
  }));
  assert.equal(drawn, once.drawn);
});

const addressOf = async (cluster: Cluster, id: number) => {
  const rc = await cluster.connect();
  return (await rc.status(id)).get(id)?.inspector ?? '';
};

test('inspect: a debugger attaches to each engine, on loopback alone, and evaluates there; tasks go on', async () => {
  await on({ inspect: true }, async (cluster) => {
    const urls = await Promise.all([0, 1].map((id) => addressOf(cluster, id)));
    for (const url of urls) assert.match(url, /^ws:\/\/127\.0\.0\.1:\d+\/[\w-]+$/);
    assert.is.not(urls[0], urls[1]);
    const tool = await Debugger.attach(urls[1] as string);
    const { result } = await tool.ask('Runtime.evaluate', { expression: 'engine.id' });
    assert.is((result as { value: unknown }).value, 1);
    const rc = await cluster.connect();
    assert.equal(await rc.view(':').apply((x: number) => x, 3), [3, 3]);
    tool.close();
  });
});

test('inspect brk: the first task waits for the debugger, which stops before its code; status is answered meanwhile', async () => {
  await on({ engines: 1, inspect: { brk: true } }, async (cluster) => {
    const rc = await cluster.connect();
    const task = rc.view(0).apply(function wanted(x: number) {
      return 2 * x;
    }, 4);
    while ((await rc.status(0)).get(0)?.running == null) await new Promise((resolve) => setTimeout(resolve, 20));
    const tool = await Debugger.attach(await addressOf(cluster, 0));
    await tool.ask('Debugger.enable');
    await tool.ask('Runtime.runIfWaitingForDebugger');
    const { params } = await tool.until(({ method }) => method === 'Debugger.paused');
    const frames = params?.['callFrames'] as { functionName: string }[];
    assert.is(frames[0]?.functionName, 'breakForDebugger');
    assert.not(frames.some(({ functionName }) => functionName === 'wanted'));
    await tool.ask('Debugger.resume');
    assert.is(await task, 8);
    assert.is(await rc.view(0).apply(() => 1), 1, 'later tasks do not wait');
    tool.close();
  });
});

test('start --inspect --seed: the addresses are printed and in status; run takes the options too', async () => {
  const host = new Program('src/cli/main.js', ['start', '-n', '1', '--device', 'cpu', '--inspect', '--seed', '8']);
  try {
    const [, port] = await host.says(/engine 0: debugger at ws:\/\/127\.0\.0\.1:(\d+)\//);
    const { stdout } = await new Program('src/cli/main.js', ['status']).done;
    assert.match(stdout, new RegExp(`debugger[\\s\\S]*ws://127\\.0\\.0\\.1:${port}/`));
    const json = JSON.parse((await new Program('src/cli/main.js', ['status', '--json']).done).stdout);
    assert.is(json.engines[0].status.seed, 8);
    const socket = connect(Number(port), '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.destroy();
    const refused = await new Program('src/cli/main.js', ['run', '--cluster', 'default', '--seed', '1', 'x.mjs']).done;
    assert.match(refused.stderr, /--cluster takes engines as they are: not with --seed/);
  } finally {
    host.child.kill('SIGTERM');
    await host.done;
  }
});

test.run();
