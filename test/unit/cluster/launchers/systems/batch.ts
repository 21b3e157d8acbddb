// PBS, LSF, SGE and HTCondor without them: the text of jobs, the ways in which their queues are read, options that are refused.
import * as assert from 'uvu/assert';
import { checkBatch } from '../../../../../src/cluster/launchers/systems/batch/batch-options.ts';
import type { QueueJob } from '../../../../../src/cluster/launchers/systems/batch/batch-system.ts';
import { HTCONDOR } from '../../../../../src/cluster/launchers/systems/batch/htcondor.ts';
import { LSF } from '../../../../../src/cluster/launchers/systems/batch/lsf.ts';
import { PBS } from '../../../../../src/cluster/launchers/systems/batch/pbs.ts';
import { SGE } from '../../../../../src/cluster/launchers/systems/batch/sge.ts';
import { posixQuoted } from '../../../../../src/cluster/launchers/systems/template.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('launchers/batch');
const job = (options: QueueJob['options'] = {}): QueueJob => ({
  options,
  request: { gpusPerEngine: 1, cpusPerEngine: 2, cluster: 'run-1' },
  engines: 2,
  command: posixQuoted(['/usr/bin/node', "/opt/it's/main.js", 'agent', '--options-file', '/home/u/x.json']),
  log: '/home/u/l/engine-4.out',
});
const all = { queue: 'gpu', account: 'a1', time: '2:00:00', mem: '8gb', lines: ['# mine'] };
const RUN = "/usr/bin/node '/opt/it'\\''s/main.js' agent --options-file /home/u/x.json";

test('PBS: a job', () => {
  assert.is(
    PBS.script(job(all)),
    `#!/bin/sh
#PBS -N run-1
#PBS -j oe
#PBS -o /home/u/l/engine-4.out
#PBS -r n
#PBS -l select=1:ncpus=4:ngpus=2:mem=8gb
#PBS -l walltime=2:00:00
#PBS -q gpu
#PBS -A a1
# mine
umask 077
exec ${RUN}
`,
  );
  assert.match(PBS.script(job({ gpus: 0, cpus: 1 })), /^#PBS -l select=1:ncpus=2$/m);
});

test('LSF: a job', () => {
  assert.is(
    LSF.script(job(all)),
    `#!/bin/sh
#BSUB -J run-1
#BSUB -o /home/u/l/engine-4.out
#BSUB -rn
#BSUB -n 4
#BSUB -R "span[hosts=1]"
#BSUB -gpu "num=2"
#BSUB -M 8gb
#BSUB -W 2:00:00
#BSUB -q gpu
#BSUB -P a1
# mine
umask 077
exec ${RUN}
`,
  );
  assert.not.match(LSF.script(job({ gpus: 0 })), /-gpu/);
});

test('SGE: a job', () => {
  assert.is(
    SGE.script(job(all)),
    `#!/bin/sh
#$ -N run-1
#$ -S /bin/sh
#$ -j y
#$ -o /home/u/l/engine-4.out
#$ -r n
#$ -pe smp 4
#$ -l gpu=2
#$ -l h_vmem=8gb
#$ -l h_rt=2:00:00
#$ -q gpu
#$ -P a1
# mine
umask 077
exec ${RUN}
`,
  );
});

test('HTCondor: a job, in its own quoting', () => {
  assert.is(
    HTCONDOR.script(job(all)),
    `universe = vanilla
executable = /bin/sh
transfer_executable = false
should_transfer_files = no
arguments = "-c 'umask 077; exec /usr/bin/node ''/opt/it''\\''''s/main.js'' agent --options-file /home/u/x.json'"
output = /home/u/l/engine-4.out
error = /home/u/l/engine-4.out
request_cpus = 4
request_gpus = 2
request_memory = 8gb
allowed_job_duration = 2:00:00
accounting_group = a1
requirements = (TARGET.Queue == "gpu")
max_retries = 0
# mine
queue 1
`,
  );
});

test('numbers of jobs', () => {
  assert.is(PBS.jobOf('123.server.example\n'), '123.server.example');
  assert.is(LSF.jobOf('Job <123> is submitted to queue <normal>.\n'), '123');
  assert.is(SGE.jobOf('123\n'), '123');
  assert.is(HTCONDOR.jobOf('12.0 - 12.0\n'), '12.0');
  for (const system of [PBS, LSF, SGE, HTCONDOR]) assert.is(system.jobOf('hello\n'), undefined, system.kind);
});

const COMMENT = 'Not Running: Insufficient amount of resource: ngpus';

test('queues: one that waits says why, one that runs says where, one that has ended', () => {
  assert.equal(
    PBS.read(`Job Id: 1.s\n    job_state = Q\n    comment = Not Running: Insufficient amount of\n\t resource: ngpus\n
Job Id: 2.s\n    job_state = R\n    exec_host = n7/0*4\n\nJob Id: 3.s\n    job_state = F\n`),
    [
      { id: '1.s', state: 'queued', host: undefined, why: COMMENT },
      { id: '2.s', state: 'starting', host: 'n7', why: undefined },
      { id: '3.s', state: 'ended', host: undefined, why: undefined },
    ],
  );
  assert.equal(LSF.read('1|PEND|-|New job is waiting for scheduling;\n2|RUN|4*n7|-\n3|EXIT|n7|-\n4|UNKWN|n7|\n'), [
    { id: '1', state: 'queued', why: 'New job is waiting for scheduling;' },
    { id: '2', state: 'starting', host: 'n7' },
    { id: '3', state: 'ended' },
    { id: '4', state: 'starting', host: 'n7' },
  ]);
  const head =
    'job-ID  prior   name       user         state submit/start at     queue                          slots ja-task-ID\n-----\n';
  assert.equal(
    SGE.read(
      `${head}      1 0.00000 run-1      me           qw    11/29/2026 14:00:00                                    4
      2 0.55500 run-1      me           r     11/29/2026 14:00:00 all.q@n7.example                   4
      3 0.55500 run-1      me           Eqw   11/29/2026 14:00:00                                    4\n`,
    ),
    [
      { id: '1', state: 'queued', why: 'waits (qw)' },
      { id: '2', state: 'starting', host: 'n7.example' },
      { id: '3', state: 'queued', why: 'could not be started (Eqw): qstat -j 3 says why' },
    ],
  );
  assert.equal(
    HTCONDOR.read(
      '1.0, 1, undefined, undefined\n2.0, 2, slot1@n7, undefined\n3.0, 5, undefined, no disk\n4.0, 4, undefined, undefined\n',
    ),
    [
      { id: '1.0', state: 'queued', why: 'waits to be matched' },
      { id: '2.0', state: 'starting', host: 'n7' },
      { id: '3.0', state: 'queued', why: 'is held: no disk' },
      { id: '4.0', state: 'ended', host: undefined },
    ],
  );
});

test('options that could reach a shell or a directive, or that nobody knows', () => {
  for (const bad of [
    { queue: 'a;b' },
    { queue: 'a\n#PBS -o /x' },
    { account: '$(x)' },
    { account: 'a b' },
    { mem: "8g'" },
    { time: '1:00;x' },
    { lines: ['#PBS -q x\nrm'] },
    { lines: 'x' },
    { gpus: -1 },
    { perAgent: 0 },
    { poll: 1 },
  ])
    assert.throws(() => checkBatch(bad, 'pbs'), /launcher 'pbs'/, JSON.stringify(bad));
  assert.throws(() => checkBatch({ partition: 'x' }, 'lsf'), /unknown option 'partition'/);
  assert.equal(checkBatch(all, 'sge'), all);
});

test.run();
