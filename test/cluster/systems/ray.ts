// Ray's launcher with a stand-in for the module `ray`: the helper's lines, places, ends. It says nothing of Ray itself.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterEvent, StartOptions } from '../../../src/cluster/start-options.ts';
import { AbortError, ClusterError, EngineError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { isAlive, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { systemLock } from '../../support/systems/lock.ts';

declare const engine: { readonly id: number; readonly job: string | undefined };

const STUB = fileURLToPath(new URL('../../../../test/support/systems/ray-stub', import.meta.url));
const test = suite('systems/ray');
const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['--version']).status === 0);

if (python === undefined) test.skip('a stand-in for Ray', 'no Python 3 is installed');
else defineTests(python);
test.run();

function defineTests(program: string): void {
  const home = mkdtempSync(join(tmpdir(), 'dv-ray-'));
  const state = join(home, 'state');
  process.env['DIRECTVIEW_HOME'] = state;
  Object.assign(process.env, {
    PYTHONPATH: STUB,
    PYTHONDONTWRITEBYTECODE: '1',
    RAY_STUB_ADDRESS: 'head:6379',
    RAY_STUB_RESOURCES: '{"CPU":8,"GPU":2,"A100":1}',
  });
  const events: ClusterEvent[] = [];
  let unlock: () => Promise<void>;
  let cluster: Cluster;
  let rc: Client;

  const kind = (more: object = {}) => ({ kind: 'ray', python: program, address: 'head:6379', gpus: 1, ...more });
  const start = (options: StartOptions) =>
    Cluster.start({ listen: 'tcp://127.0.0.1', device: 'cpu', threads: 1, deathTimeout: 10_000, ...options });

  test.before(async () => {
    unlock = await systemLock();
    cluster = await start({ engines: 3, min: 2, launcher: kind(), onEvent: (event) => events.push(event) });
    rc = await cluster.connect();
  });
  test.after(async () => {
    await rc?.close();
    await cluster?.stop();
    await unlock?.();
    rmSync(home, { recursive: true, force: true });
  });

  test('those that fit run; the one that waits says why; values come back', async () => {
    const v = rc.view(':');
    await v.scatter('a', range(17));
    assert.equal(await v.gather('a'), range(17));
    assert.equal(await v.apply(() => engine.job), ['01000000', '01000000']);
    const waits = () => events.flatMap((e) => (e.type === 'placement' && e.state === 'queued' ? [e.why ?? ''] : []));
    await until('the reason', () => waits().some((why) => /waits for CPU=1 GPU=1, and there is CPU=6 GPU=0/.test(why)));
  });

  test('an engine that is killed: EngineError with its signal; one that is shut down gives its place to the one that waits', async () => {
    const ids = rc.engines.map(({ id }) => id);
    const [first, second] = ids as [number, number];
    const lost = rc.view(second).apply(() => new Promise<never>(() => {}));
    await untilRunning(rc, [second]);
    process.kill(rc.engine(second)?.pid as number, 'SIGKILL');
    await rejects(() => lost, EngineError, /was killed by SIGKILL/);
    assert.is(await rc.view(first).apply(() => 1), 1);
    await cluster.restart(second);
    assert.equal(await rc.view(ids).apply(() => 1), [1, 1]);
    await cluster.shutdown(first);
    const third = [0, 1, 2].find((id) => !ids.includes(id)) as number;
    await until('the engine that has waited', () => cluster.engines.some(({ id }) => id === third), 30_000);
  });

  test('a gang that does not fit waits as a whole, and can be aborted', async () => {
    const abort = new AbortController();
    const seen: ClusterEvent[] = [];
    const launcher = kind({ gpus: 0, resources: { A100: 1 } });
    const starting = start({ engines: 2, gang: true, launcher, signal: abort.signal, onEvent: (e) => seen.push(e) });
    const states = () => seen.flatMap((e) => (e.type === 'placement' ? [`${e.state} ${e.why}`] : []));
    await until('the reason', () => states().some((text) => /queued waits for A100=1 CPU=1/.test(text)), 30_000);
    abort.abort();
    await rejects(() => starting, AbortError);
    assert.not(
      states().some((text) => text.startsWith('starting')),
      states().join('\n'),
    );
  });

  test('a Ray that cannot be reached says so', async () => {
    const one = (launcher: object) => () => start({ engines: 1, launcher: kind(launcher) });
    await rejects(one({ address: 'nowhere:1' }), ClusterError, /ray cannot be reached: .*no ray at nowhere:1/);
    await rejects(one({ node: '/nowhere/node' }), ClusterError, /FileNotFoundError.*\/nowhere\/node/);
  });

  test('a cluster that stops leaves no process and no file', async () => {
    const pids = rc.engines.map(({ pid }) => pid);
    await cluster.stop();
    for (const pid of pids) await until(`the end of process ${pid}`, () => !isAlive(pid));
    assert.equal(readdirSync(state), []);
  });
}
