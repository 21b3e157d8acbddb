// `directview repl`: driven in a pseudo-terminal as a person would, and fed by a pipe.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { isIncomplete } from '../../../src/cli/repl/evaluator/incomplete.ts';
import { parsePxLine } from '../../../src/cli/repl/px-line.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { pidRuns } from '../../../src/cluster/files/process-identity.ts';
import { ClusterLab } from '../../fixtures/cluster-lab.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';
import { Terminal, terminalMaker } from '../../support/terminal.ts';

const test = suite('cli/repl');
const lab = new ClusterLab();
process.env['DIRECTVIEW_REPL_HISTORY'] = join(lab.root, 'history');
const MAIN = join(fileURLToPath(new URL('../../../', import.meta.url)), 'src/cli/main.js');
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const TAB = '\t';

let cluster: Cluster;
test.before(async () => {
  cluster = await Cluster.start({ engines: 2, device: 'cpu', name: 'default' });
});
test.after(async () => {
  await cluster.stop();
  assert.equal(lab.leftovers(), []);
  lab.remove();
});

interface Fed {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Feeds lines to a REPL without a terminal. */
async function fed(...lines: string[]): Promise<Fed> {
  return feed([], lines);
}

async function feed(flags: readonly string[], lines: readonly string[]): Promise<Fed> {
  const child = spawn(process.execPath, [MAIN, 'repl', ...flags], { stdio: 'pipe' });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out: out.replace(/^(?:(?:px)?> |\.\.\. )+/gm, ''), err };
}

test('lines: options of cells, and of %px only where no code could be meant', () => {
  assert.equal(parsePxLine('%px -t ::2 a'), { command: '%px', settings: { targets: '::2' }, code: 'a' });
  assert.equal(parsePxLine('%px -t'), { command: '%px', settings: {}, code: '-t' });
  assert.equal(parsePxLine('%px -a'), { command: '%px', settings: {}, code: '-a' });
  assert.equal(parsePxLine("%px --noblock --targets '0,1' a ? 1 : 2").settings, { block: false, targets: '0,1' });
  assert.equal(parsePxLine('%%px -a -e -v -o r --progress-after 1.5'), {
    command: '%%px',
    settings: { block: false, groupOutputs: 'engine', verbose: true, progressAfter: 1500 },
    code: '',
    output: 'r',
  });
  assert.equal(parsePxLine('%pxconfig --group-outputs=order --no-stream').settings, {
    groupOutputs: 'order',
    stream: false,
  });
  const wrong = [
    ['%px', /wants code/],
    ['%py 1', /no such command: %py/],
    ['%%px x', /options only, not 'x'/],
    ['%autopx -v', /no options/],
    ['%pxconfig --group-outputs x', /type, engine, order, not 'x'/],
    ['%pxconfig -t', /-t wants engines/],
    ['%pxconfig --signal-on-interrupt SIGHUP', /SIGINT, or 0/],
    ['%pxconfig --colour', /options only, not '--colour'/],
  ] as const;
  for (const [line, message] of wrong) throws(() => parsePxLine(line), Error, message);
});

test('code that ends too early is told from code that is wrong', () => {
  for (const code of ['for (const x of y) {', 'f(1', '`text', 'await f({', 'class A {', '[1,', 'x => {\n  y\n']) {
    assert.is(isIncomplete(code), true, code);
  }
  for (const code of ['1', 'await f()', '}', 'a b', 'import x from "y"', 'const a = 1', 'foo)', '']) {
    assert.is(isIncomplete(code), false, code);
  }
});

test('fed by a pipe: cells, autopx, noblock, config, results again', async () => {
  const { code, out, err } = await fed(
    '1 + 1',
    '%%px -t 0',
    'let z = 1',
    'for (const i of [1, 2]) {',
    '  z += i',
    '}',
    'console.log("z", z)',
    '',
    '%autopx',
    'function twice() {',
    '  console.log("twice", engine.id)',
    '}',
    'twice()',
    '%autopx',
    '[3].map((x) => {',
    '  return x + 1',
    '})',
    '%px --noblock console.log("later")',
    '%pxresult',
    '%px --local globalThis.here = typeof rc',
    'here',
    '%pxconfig -t ::2 --no-stream --verbose',
    '%px console.log(engine.id)',
    'await view.apply(() => 41 + 1)',
  );
  assert.is(code, 0, err);
  assert.is(err, '');
  assert.ok(out.includes('2\nz 4\n%autopx enabled\n'), out);
  assert.match(out, /\[stdout:(\d)\] \ntwice \1\n/);
  // Streamed output stands in order of arrival: either engine may be first.
  const later = (...ids: number[]) => ids.map((id) => `[stdout:${id}] \nlater\n`).join('');
  const shown = '%autopx disabled\n[ 4 ]\n<AsyncResult(%px): pending>\n';
  assert.ok(out.includes(shown + later(0, 1)) || out.includes(shown + later(1, 0)), out);
  assert.match(out, "'object'\n");
  assert.match(out, 'Parallel execution on engine(s): [0]\n[stdout:0] \n0\n[ 42, 42 ]\n');
});

test('a cluster that is started for a session ends with it', async () => {
  const flags = ['-n', '1', '--device', 'cpu'];
  const { code, out } = await feed(flags, ['rc.engines[0].pid']);
  assert.is(code, 0);
  assert.match(out, '1 engine of a cluster of its own');
  assert.is(pidRuns(Number(out.trim().split('\n').at(-1))), false);
});

test('fed by a pipe: errors of the local code, thrown and awaited, and the session goes on', async () => {
  const { code, out } = await fed(
    'null.x',
    'throw 5',
    'await rc[0].apply(() => { throw new Error("far") })',
    'f(',
    ')',
    'await view.apply(() => engine.id)',
  );
  assert.is(code, 0);
  const shown = [
    /TypeError: Cannot read/,
    /Uncaught 5/,
    /RemoteError: \[0:apply\] Error: far\n {4}> 1 \| /,
    /f is not defined/,
    /\[ 0, 1 \]\n$/,
  ];
  for (const pattern of shown) assert.match(out, pattern);
});

test('fed by a pipe: errors say what is wrong and the session goes on', async () => {
  const { code, out, err } = await fed('%px null.x', '%foo', '%px -t 7 1', '%pxconfig -t x', '%px 5 +', '6 * 7');
  assert.is(code, 0);
  assert.match(err, /\[0:execute\]:\nTypeError[\s\S]*2 errors\nno such command: %foo/);
  assert.match(err, 'RangeError: No such engine: 7');
  assert.match(err, 'key by int/slice/iterable of ints only');
  assert.match(err, 'SyntaxError');
  assert.match(out, /42\n$/);
});

test('fed by a pipe: cells with empty lines, inside an open brace and between statements', async () => {
  const { code, out, err } = await fed(
    '%%px -t 0',
    'function twice(x) {',
    '',
    '  return 2 * x',
    '}',
    '',
    'console.log("twice", twice(21))',
    '',
    '',
    '%autopx',
    'function thrice(x) {',
    '',
    '  return 3 * x',
    '}',
    '%autopx',
    '%px -t 1 thrice(5)',
    'function local(x) {',
    '',
    '  return x',
    '}',
    'local(9)',
    '%%px -t 1',
    '"the last cell"',
  );
  assert.equal([code, err], [0, '']);
  assert.match(
    out,
    /twice 42\n%autopx enabled\n%autopx disabled\nOut\[1:\d+\]: 15\n9\nOut\[1:\d+\]: 'the last cell'\n$/,
  );
});

test('fed by a pipe: folders, help, and values that say nothing', async () => {
  const before = await fed('%px process.cwd()');
  const { code, out, err } = await fed(
    '%px cd /',
    '%px process.cwd()',
    `%px cd ${JSON.stringify(process.cwd())}`,
    '%px -t 0 cd /not/there',
    '%px?',
    '?%pxconfig',
    '.help',
    'await view.push({ a: 1 })',
    'await view.execute("b = 2")',
    'await view.scatter("c", range(4))',
    'undefined',
    'await view.pull("b")',
  );
  assert.is(code, 0);
  for (const id of [0, 1]) assert.match(out, `[stdout:${id}] \n/\n`);
  assert.match(out, /Out\[0:\d+\]: '\/'\nOut\[1:\d+\]: '\/'\n/);
  assert.match(err, 'ENOENT');
  assert.match(out, /%px CODE\n {2}runs CODE[\s\S]*%pxconfig\n {2}sets the defaults[\s\S]*\.exit[\s\S]*%%px/);
  assert.match(out, /_ is the last value\.\n\[ 2, 2 \]\n$/);
  assert.is((await fed('%px process.cwd()')).out.replace(/:\d+\]/g, ''), before.out.replace(/:\d+\]/g, ''));
});

test('fed by a pipe: values of engines stand in the order of the targets', async () => {
  const { out } = await fed('%px await new Promise((go) => setTimeout(go, engine.id === 0 ? 300 : 0)); engine.id');
  assert.match(out, /Out\[0:\d+\]: 0\nOut\[1:\d+\]: 1\n$/);
});

test('fed by a pipe: tensors are aligned matrices, here and on engines', async () => {
  const { out } = await fed('tensor([[1, 20], [300, 4]])', 'view.ns.A = tensor([[1, 20], [300, 4]])', '%px -t 0 A');
  const matrix = 'Tensor float64[2×2]\n[[  1  20]\n [300   4]]\n';
  assert.ok(out.includes(matrix), out);
  assert.match(out, new RegExp(`Out\\[0:\\d+\\]: \\n${matrix.replace(/[[\]]/g, '\\$&')}`));
});

test('fed by a pipe: TypeScript, here and on engines, over several lines', async () => {
  const { code, out, err } = await fed(
    'const three: number = 3',
    'interface Point {',
    '  x: number',
    '}',
    'const f = async (p: Point,',
    '  by: number): Promise<number> => p.x * by',
    'await f({ x: 2 }, three)',
    'await view.push({ a: 5 })',
    "await view.pull<number>('a')",
    'enum Color { red = 7, green }',
    'Color.green',
    '{ a: three as number }',
    '%px const b: number = a + 1',
    '%px (b as number) * 2',
    '%%px -t 0',
    'type Twice = (x: number) => number',
    'const twice: Twice = (x) => 2 * x',
    '',
    'twice(21)',
    '',
    '',
    '%autopx',
    'const d: string = "d" + engine.id',
    'd',
    '%autopx',
    'const x: number = = 3',
    '6 * 7',
  );
  assert.equal([code, err], [0, '']);
  const tail = out.slice(out.indexOf('\n') + 1).replace(/:\d+\]/g, ']');
  const values =
    "6\n[ 5, 5 ]\n8\n{ a: 3 }\nOut[0]: 12\nOut[1]: 12\nOut[0]: 42\n%autopx enabled\nOut[0]: 'd0'\nOut[1]: 'd1'\n";
  assert.ok(tail.startsWith(`${values}%autopx disabled\nUncaught SyntaxError: `), tail);
  assert.match(tail, /\n42\n$/);
});

test('fed by a pipe: values of the session in folders and options of % commands', async () => {
  const { code, out, err } = await fed(
    'const there = "/", deep = { dir: "tmp" }, who = [1]',
    'const home = process.cwd()',
    '%px -t {who} cd {there}',
    '%px -t $who process.cwd()',
    '%cd {there}$deep.dir',
    '%px -t {who} cd $home',
    '%px -t 0 ((n) => { return n + 1 })(4)',
    '%px -t 0 cd {nope}',
  );
  assert.is(code, 0);
  assert.match(out, /\n\/\nOut\[1:\d+\]: '\/'\n\/tmp\n/);
  assert.ok(out.includes(`/tmp\n${process.cwd()}\n`), out);
  assert.match(out, /Out\[0:\d+\]: 5\n$/);
  assert.match(err, /ENOENT.*'\{nope\}'/);
});

test('.exit ends the session although a timer and a server are alive', async () => {
  const { code, out } = await fed(
    'setInterval(() => {}, 1000); 0',
    "const server = require('node:net').createServer().listen(0); 0",
    '.exit',
    '"not any more"',
  );
  assert.is(code, 0);
  assert.not.match(out, 'not any more');
  assert.is((await fed('setInterval(() => {}, 1000); 0')).code, 0, 'at the end of the input too');
});

test('errors that nobody handles are printed, and the session goes on', async () => {
  const { code, out } = await fed(
    // The second timer comes after the first one, and an immediate after what Node does with rejections.
    'setTimeout(() => { throw new Error("late") }, 0); await new Promise((go) => setTimeout(go, 0))',
    'Promise.reject(new TypeError("forgotten")); await new Promise((go) => setImmediate(go))',
    '1 + 1',
  );
  assert.is(code, 0);
  assert.match(out, /Uncaught Error: late\n[\s\S]*Uncaught TypeError: forgotten\n[\s\S]*\n2\n$/);
});

test("imports: 'directview' is this package, other names are found from the working directory", async () => {
  const { out, err } = await fed(
    "import { Client, range as r } from 'directview'",
    'rc instanceof Client',
    'r(3)',
    "const { basename } = await import('node:path'); basename('/a/b')",
  );
  assert.equal([out.split('\n').slice(1).join('\n'), err], ["true\n[ 0, 1, 2 ]\n'b'\n", '']);
});

const maker = terminalMaker();
const title = 'in a terminal: %px, errors on two engines, %autopx, completion, Ctrl-C on an endless loop';
if (maker === undefined) test.skip(title, 'neither python3 nor script makes a pseudo-terminal here');
else {
  test(title, async () => {
    const terminal = new Terminal(maker, [process.execPath, MAIN, 'repl']);
    try {
      await drive(terminal);
      assert.is(await terminal.ended, 0);
    } finally {
      terminal.kill();
    }
    assert.is(cluster.engines.length, 2, 'the cluster that was found goes on');
  });
}

if (maker !== undefined) {
  test('in a terminal: pasted cells, endless local code, waits, the editor, history of the session before', async () => {
    for (const session of [edit, recall]) {
      const terminal = new Terminal(maker, [process.execPath, MAIN, 'repl']);
      try {
        await terminal.shows(/> $/);
        await session(terminal);
        assert.is(await terminal.ended, 0);
      } finally {
        terminal.kill();
      }
    }
  });
}

async function edit(terminal: Terminal): Promise<void> {
  terminal.type('%%px -t 0\nfunction f(x) {\n\n  return 2 * x\n}\n\nf(21)\n\n');
  await terminal.shows(/Out\[0:\d+\]: 42\n> $/);
  terminal.type('console.log("goes " + "0"); for (;;);\n');
  await terminal.shows(/goes 0/);
  terminal.type(CTRL_C);
  await terminal.shows(/Uncaught Error: Script execution was interrupted by `SIGINT`[\s\S]*> $/);
  terminal.type('console.log("wai" + "ts"); await new Promise(() => {})\n');
  await terminal.shows(/waits/);
  terminal.type(CTRL_C);
  await terminal.shows(/Uncaught Error: Script execution was interrupted by `SIGINT`[\s\S]*> $/);
  const loops = [
    'await null; console.log("goes " + "1"); for (;;);',
    'async function deep() { await null; console.log("goes " + "2"); for (;;); } await deep()',
    'await new Promise(() => setTimeout(() => { console.log("goes " + "3"); for (;;); }))',
    'await view.apply(() => 1); console.log("goes " + "4"); for (;;);',
    'console.log("goes " + "5"); for (;;) await new Promise((go) => setTimeout(go, 1));',
  ];
  for (const [i, loop] of loops.entries()) {
    terminal.type(`${loop}\n`);
    await terminal.shows(new RegExp(`goes ${i + 1}`));
    terminal.type(CTRL_C);
    await terminal.shows(/Uncaught Error: Script execution was interrupted by `SIGINT`[\s\S]*> $/);
    terminal.type('6 * 7; (await view.apply(() => 21)).length + "x"\n');
    await terminal.shows(/'2x'\n> $/);
  }
  terminal.type('setTimeout(() => { console.log("left " + "behind"); for (;;); }, 50)\n');
  await terminal.shows(/left behind/);
  terminal.type(CTRL_C);
  await terminal.shows(/To exit, press Ctrl\+C again[\s\S]*> $/);
  terminal.type('6 * 7\n');
  await terminal.shows(/42\n> $/);
  terminal.type('.editor\n');
  await terminal.shows(/Entering editor mode/);
  terminal.type('const e = 6\n\ne * 7\n');
  await terminal.shows(/e \* 7/);
  terminal.type(CTRL_D);
  await terminal.shows(/42\n> $/);
  terminal.type('setInterval(() => {}, 1000), "remember me"\n');
  await terminal.shows(/remember me[\s\S]*> $/);
  terminal.type('.exit\n');
}

async function recall(terminal: Terminal): Promise<void> {
  terminal.type('\x1b[A\x1b[A');
  await terminal.shows(/> setInterval\(\(\) => \{\}, 1000\), "remember me"/);
  terminal.type(CTRL_C);
  await terminal.shows(/> $/);
  terminal.type(CTRL_C);
  await terminal.shows(/To exit, press Ctrl\+C again/);
  terminal.type(CTRL_C);
}

async function drive(terminal: Terminal): Promise<void> {
  await terminal.shows(/2 engines of cluster 'default'[\s\S]*> $/);
  terminal.type('%px console.log("hello", engine.id)\n');
  const hello = await terminal.shows(/hello \d\n[\s\S]*hello \d\n> $/);
  for (const id of [0, 1]) assert.match(hello, `[stdout:${id}] \nhello ${id}\n`);

  terminal.type('%px null.x\n');
  await terminal.shows(/2 errors\n> $/);
  for (const id of [0, 1]) assert.match(terminal.since, `[${id}:execute]:\nTypeError: Cannot read properties of null`);

  terminal.type('%autopx\n');
  await terminal.shows(/%autopx enabled\npx> $/);
  terminal.type('answer = 6 * 7\n');
  await terminal.shows(/px> $/);
  terminal.type('answer\n');
  await terminal.shows(/Out\[\d:\d+\]: 42\n.*Out\[\d:\d+\]: 42\npx> $/);
  terminal.type('%autopx\n');
  await terminal.shows(/%autopx disabled\n> $/);

  await complete(terminal);
  await interrupt(terminal);
  terminal.type(CTRL_D);
}

async function complete(terminal: Terminal): Promise<void> {
  terminal.type(`%pxr${TAB}`);
  await terminal.shows(/%pxresult/);
  terminal.type(`\x15%px answ${TAB}`);
  await terminal.shows(/%px answer/);
  terminal.type(`\x15%%px --no-st${TAB}`);
  await terminal.shows(/%%px --no-stream/);
  terminal.type(`\x15rc[0].ns.answ${TAB}`);
  await terminal.shows(/rc\[0\]\.ns\.answer/);
  terminal.type(`\x15rc.waitForEng${TAB}`);
  await terminal.shows(/rc\.waitForEngines/);
  terminal.type('\x15');
}

async function interrupt(terminal: Terminal): Promise<void> {
  terminal.type('%px for (;;);\n');
  await until(allRun);
  terminal.type(CTRL_C);
  await terminal.shows(/Received Keyboard Interrupt\. Sending signal SIGINT to engines\.\.\.\n[\s\S]*2 errors\n> $/);
  assert.match(terminal.since, 'TaskInterrupted');
  terminal.type('%px 1 + 1\n');
  await terminal.shows(/Out\[\d:\d+\]: 2\n.*Out\[\d:\d+\]: 2\n> $/);
  // With no signal to send, Ctrl-C ends the wait only: the output comes with %pxresult, once.
  terminal.type('%pxconfig --signal-on-interrupt 0\n');
  await terminal.shows(/> $/);
  terminal.type('%px await new Promise((go) => setTimeout(go, 700)); console.log("done")\n');
  await until(allRun);
  terminal.type(CTRL_C);
  await terminal.shows(/the wait was given up[^\n]*\n> $/);
  terminal.type('%pxresult\n');
  await terminal.shows(/\[stdout:0\] \ndone\n\[stdout:1\] \ndone\n> $/);
  assert.is(terminal.since.split('done').length - 1, 2);
  // A command that is not complete is dropped.
  terminal.type('%%px\n');
  await terminal.shows(/\.\.\. $/);
  terminal.type(CTRL_C);
  await terminal.shows(/\n> $/);
}

async function allRun(): Promise<boolean> {
  await using rc = await cluster.connect();
  return [...(await rc.status()).values()].every(({ running }) => running !== null);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) if (performance.now() > deadline) throw new Error('the engines never ran the loop');
}

test.run();
