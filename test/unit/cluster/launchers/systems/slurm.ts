// Slurm without Slurm: the text of batch scripts, the states of its queue, its variables, and options that are refused.
import * as assert from 'uvu/assert';
import { batchScript } from '../../../../../src/cluster/launchers/systems/slurm/batch-script.ts';
import { endText, parseQueue, placementOf } from '../../../../../src/cluster/launchers/systems/slurm/job-state.ts';
import { slurmEnvironment } from '../../../../../src/cluster/launchers/systems/slurm/slurm-environment.ts';
import { checkSlurm } from '../../../../../src/cluster/launchers/systems/slurm/slurm-options.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('launchers/slurm');
const request = { slots: [4, 5, 6, 7], gang: false, gpusPerEngine: 1, cpusPerEngine: 2, cluster: 'run-1' };
const command = ['/usr/bin/node', "/opt/it's/main.js", 'agent', '--options-file', '/home/u/x.json'];

test('an array: one element for each agent', () => {
  assert.is(
    batchScript({
      options: { partition: 'gpu', time: 30, args: ['--exclude=n7'] },
      request,
      command,
      log: '/home/u/log',
    }),
    `#!/bin/sh
#SBATCH --job-name=run-1
#SBATCH --array=0-3
#SBATCH --ntasks=1
#SBATCH --output=/home/u/log/job-%A_%a.out
#SBATCH --no-requeue
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=2
#SBATCH --partition=gpu
#SBATCH --time=30
#SBATCH --exclude=n7
umask 077
exec /usr/bin/node '/opt/it'\\''s/main.js' agent --options-file /home/u/x.json
`,
  );
});

test('a gang: one job, whose step outlives one of its hosts; several engines share an agent', () => {
  const text = batchScript({ options: { perAgent: 3 }, request: { ...request, gang: true }, command, log: '/l' });
  assert.match(text, /^#SBATCH --ntasks=2$/m);
  assert.match(text, /^#SBATCH --no-kill$/m);
  assert.match(text, /^exec srun --kill-on-bad-exit=0 --input=none --gpus-per-task=3 --cpus-per-task=6 /m);
  assert.not.match(text, /--array/);
});

test('a template of the user: its fields, and those that cannot be', () => {
  const fill = (template: string, account = 'a') =>
    batchScript({ options: { template, account }, request, command, log: '/l' });
  assert.is(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's variable
    fill('#SBATCH -J {name} -a 0-{last} -A {account} --gpus {gpus}\nA=${SHELL} {{x}}\n{command}\n'),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's variable
    "#SBATCH -J run-1 -a 0-3 -A a --gpus 1\nA=${SHELL} {x}\n/usr/bin/node '/opt/it'\\''s/main.js' agent --options-file /home/u/x.json\n",
  );
  assert.throws(() => fill('{command} {nmae}'), /unknown field \{nmae\}: there are \{command\}, \{name\}/);
  assert.throws(() => fill('sleep 1'), /no \{command\}/);
  for (const bad of ['a;b', 'a\nb', 'a b', '$(x)', "a'b", 'a`b`', 'a&b', 'a|b', ''])
    assert.throws(() => fill('{account} {command}', bad), /\{account\} must be plain text/, bad);
});

test('options of the user that could reach a shell, or that nobody knows', () => {
  for (const bad of [
    { partition: 'a;b' },
    { account: 'a\n#SBATCH --x' },
    { args: ['--x=$(y)'] },
    { args: ['rm'] },
    { qos: 'a b' },
  ])
    assert.throws(() => checkSlurm(bad), TypeError, JSON.stringify(bad));
  for (const bad of [
    { time: '1;2' },
    { mem: '8 G' },
    { constraint: 'a\nb' },
    { poll: 1 },
    { gpus: -1 },
    { lifetime: 'x' },
  ])
    assert.throws(() => checkSlurm(bad), /launcher 'slurm'/, JSON.stringify(bad));
  assert.throws(() => checkSlurm({ partitoin: 'x' }), /did you mean 'partition'/);
  assert.throws(() => checkSlurm({ template: '{command}', lifetime: 'attached' }), /batch script/);
  assert.equal(checkSlurm({ constraint: 'a100|h100', time: '1-00:00:00' }).constraint, 'a100|h100');
});

test('the queue as squeue prints it', () => {
  const jobs = parseQueue('12_0|RUNNING|None|2026-11-29T11:00:00|n1\n12_1|PENDING|Resources|N/A|\n\nslurm: noise\n');
  assert.equal(
    jobs.map(({ id }) => id),
    ['12_0', '12_1'],
  );
  const [runs, waits] = jobs.map((job) => placementOf(job, [3]));
  assert.equal(runs, { slots: [3], state: 'starting', where: { host: 'n1', job: '12_0' }, why: undefined });
  assert.is(waits?.why, 'Resources');
  const later = placementOf({ id: '1', state: 'PENDING', reason: 'Priority', start: 'T', node: '' }, [0]);
  assert.is(later.why, 'Priority, estimated start T');
});

test('each end has its cause; a word of the future ends nothing', () => {
  const causeOf = (state: string) => placementOf({ id: '7', state, reason: '', start: '', node: '' }, [0]).cause;
  assert.equal(['NODE_FAIL', 'TIMEOUT', 'PREEMPTED', 'CANCELLED', 'FAILED', 'COMPLETED'].map(causeOf), [
    'node',
    'system',
    'system',
    'system',
    'exit',
    'exit',
  ]);
  assert.is(placementOf({ id: '7', state: 'DREAMING', reason: '', start: '', node: '' }, [0]).state, 'starting');
  assert.is(endText({ id: '7', state: 'TIMEOUT' }), 'was ended by Slurm: job 7, TIMEOUT');
  assert.is(endText({ id: '7', state: 'NODE_FAIL', node: 'n2' }), 'lost its host n2: Slurm says NODE_FAIL of job 7');
});

test("Slurm's commands see no variables of a surrounding job, and no secrets", () => {
  const env = { SLURM_CONF: '/c', SLURM_GPUS_PER_NODE: '2', SLURM_JOB_ID: '5', PATH: '/bin', AWS_SECRET: 'x' };
  assert.equal(slurmEnvironment(env, false), { SLURM_CONF: '/c', PATH: '/bin' });
  assert.equal(slurmEnvironment(env, true), { SLURM_CONF: '/c', SLURM_JOB_ID: '5', PATH: '/bin' });
});

test.run();
