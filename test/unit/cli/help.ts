// `--help` of every command: the options for engines are the same everywhere, and lines line up.
import type { Command } from 'commander';
import * as assert from 'uvu/assert';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { ENGINES_HELP } from '../../../src/cli/engine-flags.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/help');

const CLUSTER_COMMANDS = ['px', 'run', 'repl', 'kernel', 'corners', 'batch', 'pdot'];
const DEVICE_OPTIONS = ['--device <device>', '--gpu <card>', '--software-gpu'];
const ENGINE_OPTIONS = ['-n, --engines <count>', ...DEVICE_OPTIONS, '--share-gpu'];
/** The options for engines that each command shows. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(CLUSTER_COMMANDS.map((name) => [name, ['--cluster <name|file>', ...ENGINE_OPTIONS]])),
  start: ENGINE_OPTIONS,
  engine: DEVICE_OPTIONS,
  agent: [],
  stop: [],
  logs: [],
  top: [],
  dashboard: [],
  interrupt: [],
  restart: [],
  scale: [],
  adapt: [],
  list: [],
  probe: [],
  setup: [],
  status: [],
};
const SHARED = new Set(Object.values(SHOWN).flat());

async function commandOf(name: string): Promise<Command> {
  const program = await buildProgram([name]);
  return program.commands.find((command) => command.name() === name) as Command;
}

/** The whole of `directview NAME --help`, with the texts before and after the options. */
async function helpOf(...args: string[]): Promise<string> {
  const program = await buildProgram(args);
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  for (const command of [program, ...program.commands]) command.exitOverride().configureOutput({ writeOut: write });
  await program.parseAsync([...args, '--help'], { from: 'user' }).catch(() => {});
  return text;
}

const visible = (command: Command) => command.createHelp().visibleOptions(command);

test('the table of this test names every command', () => {
  assert.equal(Object.keys(SHOWN).sort(), Object.keys(COMMANDS).sort());
});

for (const [name, flags] of Object.entries(SHOWN)) {
  test(`directview ${name}: ${flags.length} options for engines, in the words of all`, async () => {
    const model = visible(await commandOf('run'));
    const shared = visible(await commandOf(name)).filter((option) => SHARED.has(option.flags));
    assert.equal(
      shared.map((option) => option.flags),
      flags,
    );
    for (const { flags: spelling, description, argChoices } of shared) {
      const same = model.find((option) => option.flags === spelling);
      assert.equal([description, argChoices], [same?.description, same?.argChoices]);
    }
  });

  test(`directview ${name} --help: its summary, a text for each option, nothing undefined`, async () => {
    const help = await helpOf(name);
    assert.match(help, `\n${COMMANDS[name]?.summary}\n`);
    assert.not.match(help, /undefined|\[object/);
    assert.is(help.includes(ENGINES_HELP), CLUSTER_COMMANDS.includes(name));
    for (const option of visible(await commandOf(name))) assert.ok(option.description, option.flags);
  });
}

test('directview --help: one line per command, and the lines line up', async () => {
  const lines = (await helpOf()).split('\n');
  const commands = lines.slice(lines.indexOf('Commands:') + 1).filter((line) => line !== '');
  assert.is(commands.length, Object.keys(COMMANDS).length + 1); // and `help`
  const columns = commands.map((line) => /^ {2}\S+(?: \[\w+\])? +(?=\S)/.exec(line)?.[0].length);
  assert.is(new Set(columns).size, 1, commands.join('\n'));
  assert.ok(commands.every((line) => line.length <= 80));
});

test('directview help COMMAND shows the options too', async () => {
  const program = await buildProgram(['help', 'px']);
  const px = program.commands.find((command) => command.name() === 'px') as Command;
  assert.match(px.helpInformation(), '--engines <count>');
});

for (const name of ['start', 'run', 'repl']) {
  test(`directview ${name} --n 3: the old spelling of --engines, which the help does not show`, async () => {
    const command = await commandOf(name);
    command.parseOptions(['--n', '3']);
    assert.is(command.opts()['engines'], 3);
    assert.not.match(command.helpInformation(), /--n </);
  });
}

for (const name of CLUSTER_COMMANDS) {
  test(`directview ${name}: -n and --engines are one option`, async () => {
    for (const spelling of ['-n', '--engines']) {
      const command = await commandOf(name);
      command.parseOptions([spelling, '3']);
      assert.is(command.opts()['engines'], 3);
    }
  });

  for (const flags of [
    ['-n', '2'],
    ['--device', 'cpu'],
    ['--gpu', '0'],
    ['--gpu', 'GPU-8a6f0c31'],
    ['--software-gpu'],
    ['--share-gpu'],
  ]) {
    test(`directview ${name} --cluster x ${flags.join(' ')}: refused`, async () => {
      const program = await buildProgram([name]);
      for (const command of [program, ...program.commands]) {
        command.exitOverride().configureOutput({ writeErr: () => {} });
      }
      const operand = { px: ['1'], run: ['x.mjs'], corners: ['x.png'], batch: ['x.mjs', 'x.png'] }[name] ?? [];
      const refused = await program
        .parseAsync([name, '--cluster', 'x', ...flags, ...operand], { from: 'user' })
        .catch((error: Error) => error.message);
      const long = flags[0] === '-n' ? '--engines' : flags[0];
      assert.is(refused, `error: --cluster takes engines as they are: not with ${long}`);
    });
  }
}

test.run();
