// Processes that have no descriptor left: engines by their tasks, a controller by its program. Nothing ends by that, new
// clients get through, and errors name the limit.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterError, TaskInterrupted } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { sleep, until, untilRunning } from '../../support/cluster.ts';
import { eat, giveBack, LIMIT, limited } from '../../support/short-of-descriptors.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/descriptors');
const DIST = fileURLToPath(new URL('../../../', import.meta.url));

/** A cluster of two engines, all under the limit. Its process takes all of its descriptors, and gives them back. */
const OWNER = `
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Cluster } from '${DIST}src/index.js';
const cluster = await Cluster.start({ engines: 2, device: 'none' });
const taken = [];
const take = () => {
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch {}
};
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  if (line === 'take') take();
  else for (const one of taken.splice(0)) closeSync(one);
  console.log(line);
});
lines.on('close', () => cluster.stop());
console.log(cluster.file);`;

let owner: ChildProcess;
let said: AsyncIterator<string>;
let rc: Client;
let file: string;
const folder = temporaryFolder('dvfds-');

async function tell(line: 'take' | 'free'): Promise<void> {
  owner.stdin?.write(`${line}\n`);
  assert.is((await said.next()).value, line);
}

test.before(async () => {
  owner = limited(folder, OWNER);
  said = createInterface({ input: owner.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  file = String((await said.next()).value);
  rc = await Client.connect(file);
});
test.after(async () => {
  await rc.close();
  const ended = once(owner, 'exit');
  owner.stdin?.end();
  assert.equal(await ended, [0, null]);
  rmSync(folder, { recursive: true, force: true });
});

async function descriptorLimit(client: Client, id: number): Promise<number | undefined> {
  return (await client.status(id)).get(id)?.descriptorLimit;
}

const spin = () => {
  for (;;);
};
const spinLater = async () => {
  await null;
  for (;;);
};

test('an engine without descriptors lives: it answers status, memory and calls, of new clients too', async () => {
  const reports: string[] = [];
  rc.onEvent((event) => {
    if (event.type === 'engine-error') reports.push(JSON.stringify(event));
  });
  const uuid = rc.engine(0)?.uuid;
  assert.is(await rc.view(0).apply(eat), 'EMFILE');
  // The control thread looks every quarter of a second.
  while ((await descriptorLimit(rc, 0)) === undefined) await sleep(20);
  assert.is(await descriptorLimit(rc, 0), LIMIT);
  const status = (await rc.status(0)).get(0);
  assert.ok((status?.rss ?? 0) > 1e6);
  assert.ok((await rc.view(0).memory()).rss > 1e6);
  const other = await Client.connect(file);
  assert.is(await descriptorLimit(other, 0), LIMIT);
  assert.is(await other.view(0).apply(() => 5), 5);
  await other.close();
  assert.match(reports.join(), /the engine has no descriptors left: 400 of 400 are open \(ulimit -n\)/);
  await rc.view(0).apply(giveBack);
  while ((await descriptorLimit(rc, 0)) !== undefined) await sleep(20);
  assert.is(rc.engine(0)?.uuid, uuid);
});

test('a client that is new interrupts a loop on an engine without descriptors', async () => {
  const uuid = rc.engine(0)?.uuid;
  await rc.view(0).apply(eat);
  for (let round = 0; round < 3; round++) {
    const looping = rejects(() => rc.view(0).apply(spin), TaskInterrupted, /was interrupted/);
    await untilRunning(rc, [0]);
    const other = await Client.connect(file);
    await other.interrupt(0, { all: true });
    await looping;
    await other.close();
  }
  assert.is(rc.engine(0)?.uuid, uuid);
  const looping = rejects(() => rc.view(0).apply(spinLater), TaskInterrupted, /was replaced/);
  await untilRunning(rc, [0]);
  const other = await Client.connect(file);
  await other.interrupt(0, { all: true, grace: 100 });
  await other.close();
  await looping;
  assert.is.not(rc.engine(0)?.uuid, uuid, 'what V8 cannot break costs the engine');
});

test('a controller without descriptors takes new clients, and refuses a restart before it ends the engine', async () => {
  const uuid = rc.engine(1)?.uuid;
  const short =
    /^a restart of engine 1 needs \d+ descriptors: \d+ of this process are open, and 400 is its limit \(ulimit -n\)$/;
  await tell('take');
  await rejects(() => rc.restart(1), ClusterError, short);
  assert.is(rc.engine(1)?.uuid, uuid);
  const clients = await Promise.all([1, 2, 3].map(() => Client.connect(file)));
  assert.equal(
    await Promise.all(
      clients.map((one) =>
        one
          .view(1)
          .apply(() => 5)
          .get(),
      ),
    ),
    [5, 5, 5],
  );
  await Promise.all(clients.map((one) => one.close()));
  // A dead engine has given back what it had: another start wants as much.
  process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
  await until('the end of engine 1', () => !rc.ids.includes(1));
  await tell('take');
  await rejects(() => rc.restart(1), ClusterError, short);
  assert.equal(rc.ids, [0]);
  await tell('free');
  await rc.restart(1);
  assert.equal(await rc.view('all').apply(() => 5), [5, 5]);
});

/** Starts of other programs, without a descriptor. Each is to say so in the same words. */
const STARTS = `
import { openSync } from 'node:fs';
import { SshSession } from '${DIST}src/cluster/launchers/systems/ssh/session.js';
import { SrunLauncher } from '${DIST}src/cluster/launchers/systems/slurm/srun.js';
import { schedulerCommand } from '${DIST}src/cluster/launchers/systems/scheduler-command.js';
import { HelperProcess } from '${DIST}src/cluster/launchers/systems/python/helper-process.js';
import { createLauncher } from '${DIST}src/cluster/launchers/systems/mpi/mpi.js';
import { EngineProcess } from '${DIST}src/cluster/launchers/process/engine-process.js';
const agent = { command: ['true'], line: () => '{}', file: () => 'file' };
const ssh = { ssh: 'ssh', arguments: [], connectTimeout: 1000 };
const starts = {
  engine: async () => new EngineProcess({ slot: 0, entry: 'none.js', engine: { device: 'none' }, env: {}, cwd: '/', echo: 'none' }),
  ssh: async () => new SshSession({ ssh, host: 'h', firstPlace: 0, slots: [0], forwards: [], command: '', line: '' }),
  srun: () => new SrunLauncher({}).start({ slots: [0], agent, cluster: 'c' }),
  scheduler: () => schedulerCommand(['true']),
  python: async () => new HelperProcess({ python: 'python3', kind: 'dask', config: {}, connectTimeout: 1000 }, {}),
  mpi: () => createLauncher({}).start({ slots: [0], agent }),
};
console.error = process.stderr.write = () => {};
try {
  for (;;) openSync('/dev/null');
} catch {}
for (const [what, start] of Object.entries(starts))
  await start().then(() => console.log(what, 'started'), (error) => console.log(what, error.name, error.message));
process.exit();`;

test('each start of another program says that descriptors are missing, and how many there may be', async () => {
  const child = limited(folder, STARTS);
  let text = '';
  child.stdout?.on('data', (chunk) => (text += chunk));
  await once(child, 'close');
  const words =
    'cannot be started: its pipes need descriptors, this process has none left, and 400 is its limit (ulimit -n)';
  const programs = {
    engine: 'engine 0',
    ssh: 'ssh',
    srun: 'srun',
    scheduler: 'true',
    python: 'python3',
    mpi: 'mpirun',
  };
  const expected = Object.entries(programs).map(([what, program]) => `${what} ClusterError ${program} ${words}\n`);
  assert.is(text, expected.join(''));
});

test('an engine on tcp that starts with few descriptors joins, or says so: it never aborts', async () => {
  const cluster = await Cluster.start({ engines: 1, device: 'none', listen: 'tcp://127.0.0.1' });
  const engine = [`${DIST}src/cli/main.js`, 'engine', '--cluster-file', cluster.file, '--device', 'none'];
  try {
    // Fewer, and Node itself cannot load modules; with more there is room.
    for (let limit = 76; limit <= 108; limit += 4) {
      const command = ['-c', `ulimit -n ${limit}; exec "$@"`, 'sh', process.execPath, ...engine];
      const child = spawn('sh', command, { stdio: ['ignore', 'pipe', 'pipe'] });
      let text = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => {
          text += chunk;
          if (text.includes('has joined')) child.kill();
        });
      await once(child, 'close');
      assert.not.match(text, /SIGABRT/, `${limit}: ${text}`);
      assert.match(text, /has joined|ulimit -n|EMFILE|too many open files/, `${limit}: ${text}`);
    }
  } finally {
    await cluster.stop();
  }
});

test.run();
