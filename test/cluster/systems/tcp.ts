// TCP between three hosts: the client and an engine on lh1, engines of other launchers on lh2 and lh3. Keys are the lock.
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterError, ConnectionError, EngineError, EngineUnreachable } from '../../../src/errors.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { type Host, Hosts, noHosts, runOn } from '../../support/systems/hosts.ts';
import { systemLock } from '../../support/systems/lock.ts';

declare const engine: { readonly rank: number; allReduce(value: Float64Array): Promise<Float64Array> };

const TITLE = 'systems/tcp';
const CLI = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const inside = Hosts.inherited();

if (inside !== undefined) defineTests(inside);
else await openHosts();

async function openHosts(): Promise<void> {
  const reason = noHosts();
  if (reason !== undefined) return suite(TITLE).skip('three hosts', reason);
  const unlock = await systemLock();
  const hosts = await Hosts.open(3);
  await runOn(hosts, hosts.host(1));
  await hosts.close();
  await unlock();
}

/** An engine that joined from another host. */
interface Guest {
  readonly record: EngineRecord;
  /** Resolves when its launcher has ended. */
  readonly ended: Promise<unknown>;
}

function defineTests(hosts: Hosts): void {
  const test = suite(TITLE);
  const [lh1, lh2, lh3] = hosts.all as [Host, Host, Host];
  const home = mkdtempSync(join(tmpdir(), 'dv-tcp-'));
  process.env['DIRECTVIEW_HOME'] = join(home, 'state');
  const ports: [number, number] = [7000, 7004];
  const launched: Promise<unknown>[] = [];
  let cluster: Cluster;
  let rc: Client;
  let two: Guest;
  let three: Guest;

  const command = (host: Host, args: readonly string[]) => {
    const child = hosts.spawn(host, [process.execPath, CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (some) => (text += some));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number, text }));
    launched.push(ended);
    return ended;
  };

  const guest = async (host: Host, ...flags: string[]): Promise<Guest> => {
    const known = new Set(rc.ids);
    const device = ['--device', 'cpu', '--threads', '1'];
    const ended = command(host, ['engine', '--cluster-file', cluster.file, ...device, ...flags]);
    let failed: string | undefined;
    void ended.then(({ text }) => (failed = text));
    const isNew = ({ id, host: name }: EngineRecord) => !known.has(id) && name === host.name;
    const find = () => rc.engines.find(isNew);
    await until(`an engine on ${host.name}`, () => failed !== undefined || find() !== undefined, 60_000);
    assert.is(failed, undefined, failed);
    return { ended, record: find() as EngineRecord };
  };

  /** A program on that host that holds its port 7002 until it is killed. */
  const squatter = async (host: Host): Promise<ChildProcess> => {
    const code = `require('net').createServer().listen(7002, '${host.address}', () => console.log('here'))`;
    const child = hosts.spawn(host, [process.execPath, '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    return child;
  };

  test.before(async () => {
    const listen = { interface: 'eth0', ports };
    const vitals = { interval: 500, suspect: 2000, dead: 5000 };
    cluster = await Cluster.start({ engines: 1, device: 'cpu', listen, vitals, deathTimeout: 20_000 });
    rc = await cluster.connect();
    const busy = await squatter(lh2);
    [two, three] = await Promise.all([guest(lh2), guest(lh3)]);
    const gone = once(busy, 'exit');
    busy.kill();
    await gone;
  });
  test.after(async () => {
    hosts.heal(lh3);
    await rc?.close();
    await cluster?.stop();
    await Promise.all(launched);
    rmSync(home, { recursive: true, force: true });
  });

  test('every engine listens at the address of its own host, within the range, past a port in use', () => {
    assert.match(cluster.info.controller, /^tcp:\/\/10\.77\.0\.11:700[0-4]$/);
    for (const [host, { tasks, control, peers }] of [
      [lh1, rc.engine(0) as EngineRecord],
      [lh2, two.record],
      [lh3, three.record],
    ] as const)
      for (const at of [tasks, control, peers])
        assert.match(at, new RegExp(`^tcp://${host.address}:700[0-4]$`), `${host.name}: ${at}`);
    for (const at of [two.record.tasks, two.record.control, two.record.peers]) assert.not.match(at, /:7002$/);
  });

  test('scatter, apply and gather are equal; engines of three hosts exchange values', async () => {
    const v = rc.view(':');
    assert.is(v.length, 3);
    await v.scatter('a', range(17));
    assert.equal(await v.apply(() => (globalThis as unknown as { a: number[] }).a.length), [6, 6, 5]);
    assert.equal(await v.gather('a'), range(17));
    const big = new Float64Array(400_000).map((_, i) => i);
    await v.push({ big });
    const sums = await v.apply(async () => {
      const { big: here } = globalThis as unknown as { big: Float64Array };
      const all = await engine.allReduce(Float64Array.of(engine.rank, here[399_999] as number));
      return [...all];
    });
    assert.equal(sums, Array(3).fill([3, 3 * 399_999]));
  });

  test('a second cluster on the same ports says that they are in use, an address of another host whose it is not', async () => {
    const start = (listen: object) => () => Cluster.start({ engines: 1, device: 'cpu', listen });
    await rejects(
      start({ address: `tcp://${lh1.address}`, ports }),
      ConnectionError,
      /7000-7004.*all 5 ports are in use/,
    );
    await rejects(
      start({ interface: 'eth9' }),
      ClusterError,
      /lh1 has no network interface 'eth9'.*10\.77\.0\.11 \(eth0\)/,
    );
    await rejects(
      start({ address: `tcp://${lh2.address}` }),
      ConnectionError,
      /lh1 does not have this address; it has .*10\.77\.0\.11 \(eth0\)/,
    );
  });

  test('an engine whose address the client cannot reach: the task says which address, and from where', async () => {
    const add = [
      'ip link add away0 type veth peer name away1',
      'ip addr add 10.88.0.2/24 dev away0',
      'ip link set away0 up',
      'ip link set away1 up',
    ];
    const [program, ...args] = hosts.command(lh2, ['sh', '-c', add.join(' && ')]) as [string, ...string[]];
    execFileSync(program, args);
    const away = await guest(lh2, '--interface', 'away0', '--port-range', '8000-8010');
    assert.match(away.record.tasks, /^tcp:\/\/10\.88\.0\.2:80\d\d$/);
    const { id, pid } = away.record;
    await rejects(
      () => rc.view(id).apply(() => 1),
      EngineUnreachable,
      new RegExp(`engine ${id} cannot be reached: lh1 cannot reach tcp://10\\.88\\.0\\.2:80\\d\\d .*no way there`),
    );
    process.kill(pid);
    await away.ended;
    await until('its end', () => !rc.ids.includes(id));
  });

  test('an engine that is killed: EngineError with its signal; the others answer', async () => {
    const lost = rc.view(two.record.id).apply(() => new Promise<never>(() => {}));
    await untilRunning(rc, [two.record.id]);
    process.kill(two.record.pid, 'SIGKILL');
    await rejects(() => lost, EngineError, /was killed by SIGKILL/);
    assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
    await two.ended;
  });

  test('a host that is cut off: a named error within the dead time, survivors answer, nobody there can join', async () => {
    const lost = rc.view(three.record.id).apply(() => new Promise<never>(() => {}));
    await untilRunning(rc, [three.record.id]);
    hosts.cut(lh3);
    const joining = command(lh3, ['engine', '--cluster-file', cluster.file, '--device', 'cpu']);
    const looking = command(lh3, ['status', '--cluster', cluster.file]);
    await rejects(() => lost, EngineError, /did not answer for \d+ ms/);
    assert.is(await rc.view(0).apply(() => 1), 1);
    for (const { code, text } of await Promise.all([joining, looking])) {
      assert.is.not(code, 0);
      assert.match(text, /lh3 cannot reach tcp:\/\/10\.77\.0\.11:700\d from 10\.77\.0\.13 \(/, text);
    }
    hosts.heal(lh3);
    // It comes back, is told that its time is over, and ends.
    await three.ended;
    assert.equal(rc.ids, [0]);
  });

  test.run();
}
