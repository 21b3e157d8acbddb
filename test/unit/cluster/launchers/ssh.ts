// The ssh launcher without a connection: lists of hosts, quoted commands, the words for what goes wrong.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { readHosts } from '../../../../src/cluster/launchers/systems/ssh/host-list.ts';
import {
  agentCommand,
  preparation,
  REMOTE_COMMAND,
  readFindings,
} from '../../../../src/cluster/launchers/systems/ssh/remote-command.ts';
import { findingsFault, sshFault } from '../../../../src/cluster/launchers/systems/ssh/ssh-faults.ts';
import { checkSshOptions } from '../../../../src/cluster/launchers/systems/ssh/ssh-options.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('launchers/ssh');
const folder = temporaryFolder('dv-ssh-');
test.after(() => rmSync(folder, { recursive: true, force: true }));

const plain = (value: unknown) => readHosts(value).map(({ host, slots, node, path }) => [host, slots, node, path]);

test('lists of hosts: texts, objects, and files of lines', () => {
  assert.equal(plain('a:4,b:4'), [
    ['a', 4, undefined, undefined],
    ['b', 4, undefined, undefined],
  ]);
  assert.equal(plain(['me@a.example:2', '[fd00::5]:3', 'me@[fd00::6]', { host: 'b', node: "/o'p t/node" }]), [
    ['me@a.example', 2, undefined, undefined],
    ['fd00::5', 3, undefined, undefined],
    ['me@fd00::6', undefined, undefined, undefined],
    ['b', undefined, "/o'p t/node", undefined],
  ]);
  const file = join(folder, 'hosts');
  writeFileSync(file, '# machines\na slots=4 node=/opt/node   # the big one\n\nb:2\nc path=/opt/dv\n');
  assert.equal(plain(file), [
    ['a', 4, '/opt/node', undefined],
    ['b', 2, undefined, undefined],
    ['c', undefined, undefined, '/opt/dv'],
  ]);
});

test('files of hosts: as other systems write them, and what is wrong with its line', () => {
  const file = join(folder, 'hosts-2');
  const read = (text: string) => {
    writeFileSync(file, text);
    return plain(file);
  };
  const all = [
    ['a', 2, '/opt/n#1/node', undefined],
    ['fd00::5', 3, undefined, undefined],
  ];
  assert.equal(read('\uFEFFa slots=2\tnode=/opt/n#1/node # one\r\n\r\n#b\r\n[fd00::5]:3'), all);
  for (const [text, says] of [
    ['# none\n', /no host stands in .*hosts-2/],
    ['a\n\nb slots=x', /hosts-2, line 3: b: slots is a whole number.*'x'/],
    ['a slots=0x4', /line 1: a: slots/],
    ['a slots=', /line 1: a: slots/],
    ['a:4 slots=2', /line 1: a:4: slots is said twice/],
    ['a node=/a node=/b', /line 1: a: node is said twice/],
    ['a max_slots=2', /line 1: a host has host, slots, node and path, not 'max_slots'/],
    ['a\nb;c', /line 2: 'b;c' is not a host/],
  ] as const)
    assert.throws(() => read(text), says);
  assert.throws(() => readHosts('./no/such/file'), /hosts: the file \.\/no\/such\/file cannot be read: ENOENT/);
});

for (const wrong of [
  '',
  'a,,b',
  '-oProxyCommand=touch x',
  'a;touch x',
  '$(touch x)',
  'a b',
  'a\nb',
  '`x`',
  'a:0',
  'a:x',
  'a:4:5',
  'a,a',
  [],
  [5],
  [{ host: '-x' }],
  [{ host: 'a|b' }],
  [{ host: 'a@' }],
  [{ host: 'a', slots: 1.5 }],
  [{ host: 'a', slots: 2000 }],
  [{ host: 'a', node: '' }],
  [{ host: 'a', node: 'x\ny' }],
  [{ host: 'a', path: 5 }],
  [{ host: 'a', port: 22 }],
  null,
  7,
])
  test(`hosts refuses ${JSON.stringify(wrong)}`, () =>
    assert.throws(
      () => readHosts(wrong),
      (error: Error) => error instanceof TypeError || error instanceof RangeError,
    ));

for (const wrong of [{}, { hosts: 'a', sshh: 'x' }, { hosts: 'a', arguments: 'x' }, { hosts: 'a', connectTimeout: -1 }])
  test(`the options refuse ${JSON.stringify(wrong)}`, () => assert.throws(() => checkSshOptions(wrong)));

const NASTY = ["a'b", 'c; touch x', '$(touch x)', '`touch x`', 'two  blanks', '"', '\\', '*', '-n', '!x', '', '~', '#'];

/** Does as sshd would, here. */
const far = (lines: string) =>
  execFileSync('sh', ['-c', REMOTE_COMMAND], { input: lines, encoding: 'utf8', cwd: folder });

test('arguments arrive as they are, whatever they hold; the lines after the command are its input', () => {
  const show = 'process.stdout.write(JSON.stringify([process.argv.slice(1), require("fs").readFileSync(0, "utf8")]))';
  const before = readdirSync(folder);
  const text = far(`${agentCommand([process.execPath, '-e', show, '--', ...NASTY], [])}\nkeys\nmore\n`);
  assert.equal(JSON.parse(text.slice(text.indexOf('[['))), [NASTY, 'keys\nmore\n']);
  assert.equal(readdirSync(folder), before);
});

test('the preparation makes private folders, and the end of the agent removes them', () => {
  const own = join(folder, "own'; touch x");
  const other = join(folder, 'other');
  const plan = { node: process.execPath, main: process.argv[1] as string, folders: [own, other], token: 'here-1' };
  const found = readFindings(`noise\n${far(`${preparation(plan)}\n`)}`);
  assert.equal(findingsFault('a', found, plan.node, plan.main), undefined);
  assert.is(found.version, process.version);
  for (const path of [own, other]) assert.is(statSync(path).mode & 0o777, 0o700);
  // The second time they are in the way; a file of this machine tells that the host is this machine.
  assert.match(findingsFault('a', readFindings(far(`${preparation(plan)}\n`)), 'node', 'x') ?? '', /make no folder/);
  writeFileSync(join(own, 'here-1'), '');
  assert.ok(readFindings(far(`${preparation(plan)}\n`)).words.has('same'));
  far(`${agentCommand(['true'], [own, other])}\n`);
  for (const path of [own, other]) assert.not(existsSync(path));
});

test('what a host lacks is said, with what to do', () => {
  const plan = { node: process.execPath, main: '/nowhere/main.js', folders: [], token: 'x' };
  const fault = (node: string) =>
    findingsFault('b', readFindings(far(`${preparation({ ...plan, node })}\n`)), node, plan.main) ?? '';
  assert.match(fault(process.execPath), /b has no directview at \/nowhere\/main\.js: .*path:/);
  assert.match(fault('no-such-node'), /b has no program 'no-such-node'.*node:/);
  const words = new Set(['ready']);
  for (const version of ['v18.20.0', 'v20.18.3', '', 'nonsense'])
    assert.match(findingsFault('b', { words, version }, 'node', 'x') ?? '', /b has Node .*20\.19 or newer/);
  for (const version of ['v20.19.0', 'v22.1.0', 'v100.0.0'])
    assert.is(findingsFault('b', { words, version }, 'node', 'x'), undefined);
});

for (const [text, says] of [
  [
    '@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.',
    /key of host b has changed/,
  ],
  [
    'No ED25519 host key is known for b\nHost key verification failed.',
    /not known here: connect once by hand \(ssh b\)/,
  ],
  ['me@b: Permission denied (publickey).', /b does not admit this user.*Permission denied \(publickey\)/],
  ['ssh: Could not resolve hostname b: Name or service not known', /no host is called b/],
  ['ssh: connect to host b port 22: Connection refused', /no ssh server listens at b/],
  ['ssh: connect to host b port 22: No route to host', /the network has no way to b/],
  ['Timeout, server b not responding.', /b does not answer/],
  ['Error: remote port forwarding failed for listen path /x', /b does not forward sockets/],
  ['something else', /ssh to b has failed: something else/],
  ['', /ssh to b has ended/],
] as const)
  test(`ssh says '${text.slice(0, 40)}'`, () => assert.match(sshFault('b', text), says));

test.run();
