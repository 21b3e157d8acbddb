// --launcher, --hosts and --set over the defaults of a site.
import { Command } from 'commander';
import * as assert from 'uvu/assert';
import {
  addLauncherOptions,
  type LauncherFlags,
  launcherOption,
} from '../../../../src/cli/commands/engines/launcher-flags.ts';
import { type LauncherChoice, launcherOf } from '../../../../src/cluster/launchers/by-kind.ts';
import { suite } from '../../../support/suite.ts';
import { ProcessLauncher } from '../../../support/systems/process-launcher.ts';

const test = suite('cli/launcher flags');

const chosen = (words: readonly string[], site?: LauncherChoice) => {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addLauncherOptions(command);
  command.parse(words, { from: 'user' });
  return launcherOption(command.opts<LauncherFlags>(), site);
};

test('every launcher takes its options from --set: numbers, texts of digits, and lists, also of one', async () => {
  const rows: readonly (readonly [words: string, wants: object])[] = [
    [
      'slurm --set partition=2080 --set account=12345 --set mem=4000 --set time=60 --set gpus=1 --set args=--exclude=n7',
      { partition: '2080', account: '12345', mem: '4000', time: '60', gpus: 1, args: ['--exclude=n7'] },
    ],
    ['mpi --set arguments=--oversubscribe --set perAgent=2', { arguments: ['--oversubscribe'], perAgent: 2 }],
    [
      'ssh --hosts a:2 --set arguments=-v --set connectTimeout=500',
      { hosts: 'a:2', arguments: ['-v'], connectTimeout: 500 },
    ],
    ['ssh --hosts a --set arguments=-F --set arguments=config', { hosts: 'a', arguments: ['-F', 'config'] }],
    ['pbs --set queue=1 --set lines=#PBS --set poll=100', { queue: '1', lines: ['#PBS'], poll: 100 }],
    [
      'kubernetes --set image=i --set memory=8Gi --set arguments=-v1',
      { image: 'i', memory: '8Gi', arguments: ['-v1'] },
    ],
    ['dask --set address=tcp://h:1 --set connectTimeout=5', { address: 'tcp://h:1', connectTimeout: 5 }],
  ];
  for (const [words, wants] of rows) {
    const [kind = '', ...more] = words.split(' ');
    const choice = chosen(['--launcher', kind, ...more]);
    assert.equal(choice, { kind, ...wants });
    assert.is((await launcherOf(choice))?.kind, kind);
  }
});

test("over a site's defaults: its options stay, where the launcher is the same one", () => {
  const site = { kind: 'slurm', partition: 'gpu' };
  assert.equal(chosen([], site), site);
  assert.equal(chosen(['--set', 'time=60'], site), { kind: 'slurm', partition: 'gpu', time: '60' });
  assert.equal(chosen(['--set', 'time=60'], 'slurm'), { kind: 'slurm', time: '60' });
  assert.equal(chosen(['--launcher', 'slurm'], site), site);
  assert.equal(chosen(['--launcher', 'mpi'], site), { kind: 'mpi' });
  assert.is(chosen(['--launcher', 'local'], site), 'local');
});

test('options without a launcher that could have them', () => {
  for (const site of [undefined, 'local', new ProcessLauncher()])
    assert.throws(() => chosen(['--set', 'time=60'], site), /--set wants --launcher beside it/);
  assert.throws(() => chosen(['--launcher', 'local', '--set', 'time=60']), /--set wants --launcher/);
  assert.throws(() => chosen(['--hosts', 'a'], 'slurm'), /--hosts are those of --launcher ssh/);
});

test.run();
