// Shared memory that is full, and the memory that large values need: measured in client processes of their own.
import { spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';

const test = suite('cluster/comm/memory');
const INDEX = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
const MIB = 1024 * 1024;
/** The credit window of a link. */
const WINDOW = 32 * MIB;

/** Runs a program with `rc`, a client of two engines, in a process of its own; gives the object that it leaves in `answer`. */
async function inChild<T>(program: string, command: readonly string[] = []): Promise<T> {
  const script = `import { readdirSync, readFileSync, statSync, writeFileSync, unlinkSync } from 'node:fs';
import assert from 'node:assert';
import { Cluster } from '${INDEX}';
const cluster = await Cluster.start({ engines: 2, device: 'cpu' });
const rc = await cluster.connect();
const v = rc.view('all');
const same = (a, b) => Buffer.compare(Buffer.from(a.buffer, a.byteOffset, a.byteLength), Buffer.from(b.buffer, b.byteOffset, b.byteLength)) === 0;
let answer;
try { ${program} } finally { await rc.close(); await cluster.stop(); }
console.log(JSON.stringify(answer));`;
  const node = [process.execPath, '--expose-gc', '--input-type=module', '-e', script];
  const [file, ...args] = [...command, ...node] as [string, ...string[]];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.ok(out.startsWith('{'), `the program failed: ${out}${errors}`);
  return JSON.parse(out) as T;
}

/** A mount namespace with so little shared memory. */
const SMALL = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs -o size=8m tmpfs /dev/shm && exec "$@"', 'sh'];
const [first, ...rest] = SMALL as [string, ...string[]];
const canMount = process.platform === 'linux' && spawnSync(first, [...rest, 'true']).status === 0;

/** Every way that data go, with and without room, and while another program takes the room and gives it back. */
const WAYS = `
const wave = Float32Array.from({ length: 4_000_001 }, (_, i) => i % 997);
const filler = '/dev/shm/filler';
const fill = () => { try { writeFileSync(filler, Buffer.alloc(16 * 1024 * 1024, 1)); } catch (error) { assert.strictEqual(error.code, 'ENOSPC'); } };
const round = async (name, during) => {
  const calls = [v.push({ a: wave }), v.push({ b: wave }), v.scatter('c', wave)];
  during();
  await Promise.all(calls);
  assert.ok(same(await rc.view(0).pull('b'), wave), name + ': pull of one');
  const gathered = v.gather('c');
  during();
  assert.ok(same(await gathered, wave), name + ': gather');
  const into = new Float32Array(wave.length);
  await v.gather('c', { into });
  assert.ok(same(into, wave), name + ': gather into');
  for (const value of await v.pull('a')) assert.ok(same(value, wave), name + ': pull');
  answer = { rounds: (answer?.rounds ?? 0) + 1 };
};
await round('8 MiB', () => {});
let isFull = false;
await round('filled amid it', () => { if (isFull) unlinkSync(filler); else fill(); isFull = !isFull; });
fill();
await round('full', () => {});
await cluster.add(1);
while (rc.ids.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
assert.ok((await rc.view('all').apply((x) => x.length, wave)).every((n) => n === wave.length), 'a new engine');
unlinkSync(filler);
await round('room again', () => {});
answer.left = (await rc.close(), await cluster.stop(), readdirSync('/dev/shm'));
`;

const FULL = 'a shared memory of 8 MiB, also filled by others amid transfers, makes large values slower, not wrong';
if (canMount) test(FULL, async () => assert.equal(await inChild(WAYS, SMALL), { rounds: 4, left: [] }));
else test.skip(FULL, 'no private mount namespace');

/** The most memory of the client above what its user holds, in bytes, for each way, and the bytes of its bulk files. */
interface Peaks {
  readonly push: number;
  readonly scatter: number;
  readonly gather: number;
  readonly pull: number;
  readonly gatherInto: number;
  readonly files: number;
}

const BYTES = 96 * MIB;
const PEAKS = `
const status = (name) => 1024 * Number(new RegExp(name + ':\\\\s+(\\\\d+)').exec(readFileSync('/proc/self/status', 'utf8'))[1]);
const settle = async () => { for (let i = 0; i < 3; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); } };
await v.push({ warm: new Float32Array(2e6) });
await v.pull('warm');
await v.clear();
await settle();
const start = status('VmRSS');
const data = new Float32Array(${BYTES / 4}).fill(1.5);
const into = new Float32Array(data.length).fill(1);
const held = start + data.byteLength + into.byteLength;
const peak = async (run) => {
  await settle();
  writeFileSync('/proc/self/clear_refs', '5');
  const kept = await run();
  const most = status('VmHWM');
  void kept;
  return most - held;
};
answer = {
  push: await peak(() => v.push({ data })),
  scatter: await peak(() => v.scatter('part', data)),
  gatherInto: await peak(async () => void (await v.gather('part', { into }))),
  gather: await peak(async () => (await v.gather('part')).length),
  pull: await peak(async () => (await rc.view(0).pull('data')).length),
};
answer.files = readdirSync('/proc/self/fd').reduce((sum, fd) => {
  try { const { dev, blocks } = statSync('/proc/self/fd/' + fd); return dev === statSync('/dev/shm').dev ? sum + 512 * blocks : sum; } catch { return sum; }
}, 0);
`;

const PEAK =
  'large values need no memory of the client beyond themselves and a credit window; what is sent is never held twice';
if (process.platform === 'linux')
  test(PEAK, async () => {
    const { push, scatter, gather, pull, gatherInto, files } = await inChild<Peaks>(PEAKS);
    for (const [name, bytes] of Object.entries({ push, scatter, gatherInto }))
      assert.ok(bytes <= WINDOW, `${name} of ${BYTES} bytes needed ${bytes} more`);
    for (const [name, bytes] of Object.entries({ gather, pull }))
      assert.ok(bytes <= BYTES + WINDOW, `${name} of ${BYTES} bytes needed ${bytes} more`);
    assert.ok(files <= 2 * WINDOW, `its files have ${files} bytes`);
  });
else test.skip(PEAK, 'only Linux tells a process its peak memory');

test.run();
