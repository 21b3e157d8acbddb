// Real clusters over Unix sockets and shared memory, and what is left of the files when processes are killed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { EngineError } from '../../../src/errors.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import { rejects } from '../../support/assert.ts';
import { startRig, until, withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cluster/comm/unix');
const INDEX = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
const LARGE = 8_000_001;
const wave = Float32Array.from({ length: LARGE }, (_, i) => i % 997);

/** Files in shared memory that these processes have made. */
function filesOf(pids: readonly number[]): string[] {
  try {
    const names = readdirSync(join('/dev/shm', `directview-${process.getuid?.()}`));
    return names.filter((name) => pids.includes(Number(name.split('-')[0])));
  } catch {
    return [];
  }
}

for (const [transport, scheme] of [
  ['unix', 'unix'],
  ['ipc', 'unix'],
  ['zeromq', 'tcp'],
] as const) {
  test(`transport '${transport}': calls and large values, and no files are left`, () =>
    withRig(
      2,
      async ({ v, rc }) => {
        for (const { tasks, control, peers } of rc.engines)
          for (const endpoint of [tasks, control, peers]) assert.ok(endpoint.startsWith(`${scheme}://`), endpoint);
        await v.scatter('a', wave);
        assert.equal(await v.gather('a'), wave);
        await v.push({ b: wave });
        const both = await v.apply(() => (globalThis as unknown as { b: Float32Array }).b);
        assert.ok(both.every((value) => Buffer.compare(Buffer.from(value.buffer), Buffer.from(wave.buffer)) === 0));
        await v.apply((x: Float32Array) => x.length, wave);
        assert.equal(filesOf([process.pid, ...rc.engines.map(({ pid }) => pid)]), []);
      },
      { transport },
    ));
}

test('the default is unix', () =>
  withRig(1, async ({ rc }) => assert.match(rc.engine(0)?.tasks as string, /^unix:\/\/\//)));

test('an engine that is killed amid a large value leaves nothing, and the others go on', async () => {
  const rig = await startRig(2);
  const { rc, v } = rig;
  const { pid } = rc.engines[1] as { pid: number };
  await v.push({ a: wave });
  await v.gather('a');
  const pushing = Array.from({ length: 8 }, () => rc.view(1).push({ a: wave }));
  await pushing[0];
  process.kill(pid, 'SIGKILL');
  await rejects(() => pushing[7] as PromiseLike<unknown>, EngineError);
  await Promise.allSettled(pushing);
  await until('the engine is gone', () => rc.ids.length === 1);
  assert.equal(filesOf([process.pid, pid]), []);
  assert.equal(await rc.view(0).pull('a'), wave);
  await rc.close();
  await rig.cluster.stop();
});

test('an engine that is killed amid values for all of them: the others get theirs, also an engine that comes later', async () => {
  const rig = await startRig(3);
  const { rc, v, cluster } = rig;
  const values = Array.from({ length: 6 }, (_, i) => wave.map((x) => x + i));
  const { pid } = rc.engines[2] as { pid: number };
  const rest = rc.view([0, 1]);
  const pushing = values.map((a) => v.push({ a }));
  await Promise.race(pushing);
  const kept = rest.push({ first: values[1] });
  process.kill(pid, 'SIGKILL');
  await Promise.allSettled(pushing);
  await kept;
  assert.equal(await rest.pull('a'), [values[5], values[5]]);
  await cluster.add(1);
  await until('the new engine', () => rc.ids.length === 3);
  await rc.view('all').push({ b: values[2] });
  assert.equal(await rc.view('all').pull('b'), [values[2], values[2], values[2]]);
  assert.equal(await rest.pull('first'), [values[1], values[1]]);
  assert.equal(filesOf([process.pid, ...rc.engines.map((one) => one.pid as number)]), []);
  await rc.close();
  await cluster.stop();
});

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test(`a client that ends by ${signal} amid a large value leaves nothing, and its engine serves others`, async () => {
    await withRig(
      1,
      async ({ rc }) => {
        const script = `import { Client } from '${INDEX}';
  const rc = await Client.connect('unix-victim-${signal.toLowerCase()}');
  const data = new Float32Array(8e6);
  const inFile = new Float32Array(2 ** 18);
  for (;;) { await rc.view(0).push({ data, inFile }); process.stdout.write('pushed'); }`;
        const client = spawn(process.execPath, ['--input-type=module', '-e', script], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(client.stdout, 'data');
        client.kill(signal);
        await once(client, 'exit');
        assert.equal(filesOf([client.pid as number]), []);
        assert.is(await rc.view(0).apply(() => 5), 5);
        await rc.view(0).push({ a: wave });
        assert.equal(await rc.view(0).pull('a'), wave);
      },
      { name: `unix-victim-${signal.toLowerCase()}` },
    );
  });
}

test('an engine with 220 descriptors and 300 connections that say nothing: the oldest go, and clients are served', async () => {
  const script = `import { Cluster } from '${INDEX}';
const cluster = await Cluster.start({ engines: 1, device: 'cpu', name: 'unix-frugal' });
process.stdin.on('end', () => cluster.stop()).resume();
console.log('ready');`;
  const command = ['-c', 'ulimit -n 220; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script];
  const host = spawn('sh', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(host, 'exit');
  await once(host.stdout, 'data');
  const rc = await Client.connect('unix-frugal');
  const { tasks, uuid } = rc.engine(0) as EngineRecord;
  let closed = 0;
  const silent = Array.from({ length: 300 }, () =>
    connect(tasks.slice('unix://'.length))
      .on('error', () => {})
      .on('close', () => closed++)
      .resume(),
  );
  await until('most of them are closed', () => closed >= 300 - 55);
  assert.is(await rc.view(0).apply(() => 5), 5);
  const late = await Client.connect('unix-frugal');
  assert.is(await late.view(0).apply(() => 6), 6);
  assert.is(late.engine(0)?.uuid, uuid, 'it is the same engine');
  for (const socket of silent) socket.destroy();
  await Promise.all([rc.close(), late.close()]);
  host.stdin.end();
  await ended;
});

test.run();
