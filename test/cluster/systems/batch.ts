// PBS, LSF, SGE and HTCondor by stand-ins for their commands, whose jobs are processes of this host. They say nothing of the
// systems themselves.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterEvent } from '../../../src/cluster/start-options.ts';
import { ClusterError, EngineError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { isAlive, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { makeCommands, runningJobs } from '../../support/systems/fake-batch.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

declare const engine: { readonly id: number };

const test = suite('systems/batch');
const home = temporaryFolder('dv-batch-');
const state = join(home, 'state');
const path = process.env['PATH'] ?? '';
process.env['DIRECTVIEW_HOME'] = state;

test.after(() => {
  process.env['PATH'] = path;
  rmSync(home, { recursive: true, force: true });
});

/** The commands of a system, first on the PATH. */
function fake(system: 'pbs' | 'lsf' | 'sge' | 'htcondor'): string {
  const folder = join(home, system);
  makeCommands(folder, system);
  process.env['PATH'] = `${folder}:${path}`;
  return folder;
}

for (const kind of ['pbs', 'lsf', 'sge', 'htcondor'] as const)
  test(`${kind}: scatter, apply, gather; a killed engine by its signal; nothing is left`, async () => {
    const folder = fake(kind);
    const events: ClusterEvent[] = [];
    const cluster = await Cluster.start({
      engines: 2,
      launcher: { kind, poll: 100 },
      listen: 'tcp://127.0.0.1',
      device: 'cpu',
      threads: 1,
      onEvent: (event) => events.push(event),
    });
    let pids: number[] = [];
    try {
      assert.equal(runningJobs(folder), [1, 2]);
      const rc = await cluster.connect();
      const v = rc.view(':');
      await v.scatter('a', range(17));
      assert.equal(await v.gather('a'), range(17));
      const lost = rc.view(1).apply(() => new Promise<never>(() => {}));
      await untilRunning(rc, [1]);
      process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
      await rejects(() => lost, EngineError, /was killed by SIGKILL/);
      assert.is(await rc.view(0).apply(() => 1), 1);
      await cluster.restart(1);
      assert.equal(await rc.view(':').apply(() => engine.id), [0, 1]);
      assert.ok(events.some((event) => event.type === 'placement' && event.job?.startsWith('1')));
      pids = rc.engines.map(({ pid }) => pid);
    } finally {
      await cluster.stop();
    }
    for (const pid of pids) await until(`the end of process ${pid}`, () => !isAlive(pid));
    await until('an empty queue', () => runningJobs(folder).length === 0);
    assert.equal(readdirSync(state), []);
  });

test('a template of the user, and a job that ends before its agent speaks', async () => {
  fake('pbs');
  const start = (template: string) => () =>
    Cluster.start({
      engines: 1,
      launcher: { kind: 'pbs', poll: 100, template },
      listen: 'tcp://127.0.0.1',
      device: 'cpu',
      threads: 1,
    });
  const cluster = await start('#!/bin/sh\n#PBS -N {name}\n#PBS -o {log}\nexec {command}\n')();
  assert.is(cluster.engines.length, 1);
  await cluster.stop();
  await rejects(start('#PBS -o {log}\n{comand}'), TypeError, /no \{command\}/);
  await rejects(
    start('#PBS -o {log}\necho no room; exit 3; {command}'),
    ClusterError,
    /ended with its pbs job \d+\.fake; its job wrote: no room/,
  );
});

test('a queue that does not answer: the state is unknown, and nothing ends', async () => {
  const folder = fake('pbs');
  const gate = join(home, 'gate');
  const events: ClusterEvent[] = [];
  const states = () =>
    events.flatMap((event) => (event.type === 'placement' ? [`${event.state} ${event.why ?? ''}`] : []));
  const query = readFileSync(join(folder, 'qstat'));
  const template = `#!/bin/sh\n#PBS -o {log}\nuntil [ -e ${gate} ]; do sleep 0.05; done\nexec {command}\n`;
  const starting = Cluster.start({
    engines: 1,
    launcher: { kind: 'pbs', poll: 100, template },
    listen: 'tcp://127.0.0.1',
    device: 'cpu',
    threads: 1,
    onEvent: (event) => events.push(event),
  });
  await until('the place', () => states().some((state) => state.startsWith('starting')));
  writeFileSync(join(folder, 'qstat'), '#!/bin/sh\necho cannot connect to server >&2\nexit 1\n');
  await until('no answer', () => states().includes('unknown qstat failed: cannot connect to server'));
  const seen = events.length;
  writeFileSync(join(folder, 'qstat'), query);
  await until('an answer', () =>
    states()
      .slice(seen)
      .some((state) => state.startsWith('starting')),
  );
  writeFileSync(gate, '');
  const cluster = await starting;
  try {
    // An agent tells by itself that it lives: its system is not needed.
    writeFileSync(join(folder, 'qstat'), '#!/bin/sh\nexit 1\n');
    const rc = await cluster.connect();
    assert.is(await rc.view(0).apply(() => engine.id), 0);
    assert.ok(!states().some((state) => state.startsWith('ended')));
  } finally {
    writeFileSync(join(folder, 'qstat'), query);
    await cluster.stop();
  }
});

test('a gang: too few have their places in time, and all are released', async () => {
  const folder = fake('lsf');
  const gate = join(home, 'never');
  const template = `#!/bin/sh\n#BSUB -o {log}\n[ {engines} = 1 ] && mkdir ${gate} 2>/dev/null && exec {command}\nexec sleep 600\n`;
  const start = () =>
    Cluster.start({
      engines: 3,
      gang: true,
      startTimeout: 3000,
      launcher: { kind: 'lsf', poll: 100, template },
      listen: 'tcp://127.0.0.1',
      device: 'cpu',
      threads: 1,
    });
  await rejects(
    start,
    ClusterError,
    /1 of 3 engines got a place within 3000 ms of the first, and all 3 were wanted: they were released/,
  );
  assert.equal(runningJobs(folder), []);
});

test('commands that are missing are named', async () => {
  process.env['PATH'] = path;
  const start = () =>
    Cluster.start({ engines: 1, launcher: 'lsf', device: 'cpu', threads: 1, listen: 'tcp://127.0.0.1' });
  await rejects(start, ClusterError, /bsub is not installed/);
});

test.run();
