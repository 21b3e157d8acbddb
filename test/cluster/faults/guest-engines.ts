// An engine of another launcher: cuts and stops that it survives, and how its end is told.
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { loadClusterFile } from '../../../src/client/links/cluster-file.ts';
import { type GuestEngine, guestEngine } from '../../../src/cluster/agent/guest-engine.ts';
import { loadEngineFile, writeEngineFile } from '../../../src/cluster/files/engine-file.ts';
import { EngineError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, sleep, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/guest-engines');
const dir = temporaryFolder('dvguest-');
const path = (endpoint: string) => endpoint.replace('unix://', '');
let rig: Rig;

/** Passes a unix socket on to another one, until it is cut. */
class Line {
  readonly endpoint = `unix://${join(dir, 'line')}`;
  readonly #to: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(to: string) {
    this.#to = path(to);
  }

  async open(): Promise<void> {
    const server = createServer((near) => {
      const far = connect(this.#to);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(path(this.endpoint), resolve));
  }

  async cut(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    this.#server = undefined;
  }
}

let line: Line;
test.before(async () => {
  rig = await startRig(1);
  const { runDir } = loadClusterFile(rig.cluster.file);
  line = new Line(loadEngineFile(runDir).registry);
  await line.open();
  writeEngineFile(dir, { registry: line.endpoint });
});
test.after(async () => {
  await rig.stop();
  await line.cut();
  rmSync(dir, { recursive: true });
});

/** A guest whose registry link goes over the line. */
async function join1(): Promise<GuestEngine> {
  const guest = await guestEngine({ ...loadClusterFile(rig.cluster.file), runDir: dir }, { device: 'cpu', threads: 1 });
  await until('the guest', () => rig.rc.ids.includes(guest.id));
  return guest;
}

const downs: string[] = [];
const hear = () =>
  rig.rc.onEvent((event) => {
    if (event.type === 'engine-down') downs.push(event.reason);
  });

test('a cut of 1 s of its registry link costs nothing: its tasks run, it stays on the roster', async () => {
  const off = hear();
  const { id, pid, ended } = await join1();
  const view = rig.rc.view(id);
  await view.push({ kept: 5 });
  const slow = view.apply((ms: number) => new Promise((resolve) => setTimeout(() => resolve('done'), ms)), 1500);
  await line.cut();
  // The length of the cut is the subject.
  await sleep(1000);
  await line.open();
  assert.is(await slow, 'done');
  assert.is(await view.pull('kept'), 5);
  // It registers again, and is told who joins.
  const [more] = await rig.cluster.add(1);
  assert.is(await view.apply(() => engine.size), rig.rc.ids.length);
  await rig.cluster.shutdown(more as number);
  assert.equal(downs.splice(0), ['was shut down']);
  process.kill(pid, 'SIGTERM');
  await ended;
  await until('its end', () => !rig.rc.ids.includes(id));
  assert.match(downs.splice(0)[0] ?? '', /^exited with code 0/);
  off();
});

test('a stop of 7 s costs nothing; a later kill is told at once, with its signal and the task that ran', async () => {
  const off = hear();
  const { id, pid, ended } = await join1();
  const view = rig.rc.view(id);
  process.kill(pid, 'SIGSTOP');
  // The length of the stop is the subject: ZeroMQ gives up a silent peer after 6 s.
  await sleep(7000);
  const during = view.apply(() => 'alive');
  process.kill(pid, 'SIGCONT');
  assert.is(await during, 'alive');
  assert.equal(downs, []);
  const running = rejects(
    () => view.apply(() => process.kill(process.pid, 'SIGKILL')).get(),
    EngineError,
    /died while running task '.*' \(was killed by SIGKILL[,;] /,
  );
  const queued = rejects(() => view.apply(() => 1).get(), EngineError, /died before this task started/);
  await Promise.all([running, queued]);
  assert.equal((await ended).failed, true);
  assert.match(downs.splice(0)[0] ?? '', /^was killed by SIGKILL/);
  off();
});

for (const [how, die, reason] of [
  ['exit code', () => process.exit(7), /died while running task .*\(exited with code 7\)/],
  ['abort', () => process.abort(), /died while running task .*\(was killed by SIGABRT: process\.abort/],
] as const) {
  test(`its end by ${how} has the same words as that of other engines`, async () => {
    const { id, ended } = await join1();
    await rejects(() => rig.rc.view(id).apply(die).get(), EngineError, reason);
    await ended;
  });
}

declare const engine: { readonly size: number };

test.run();
