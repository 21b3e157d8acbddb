// A real kernel process and a front end that speaks the protocol over real sockets.
import * as assert from 'uvu/assert';
import { ClusterLab } from '../../fixtures/cluster-lab.ts';
import { type Answer, JupyterFrontEnd, outputsOf } from '../../support/jupyter-front-end.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/jupyter');
const lab = new ClusterLab();
const front = new JupyterFrontEnd(lab.root, ['-n', '2', '--device', 'cpu']);
test.before(() => front.ready());
test.after(() => {
  front.close();
  lab.remove();
});

const statusOf = ({ reply }: Answer) => reply.content['status'];
const textOf = (answer: Answer) =>
  outputsOf(answer)
    .filter(([type]) => type === 'stream')
    .map(([, text]) => text)
    .join('');
const bundleOf = (output: [string, unknown] | undefined) => (output?.[1] ?? {}) as Record<string, string>;
/** Runs the cell until no signal of a burst ends it. */
async function untilOk(code: string): Promise<Answer> {
  for (;;) {
    const answer = await front.execute(code);
    if (statusOf(answer) === 'ok') return answer;
  }
}
/** Resolves when the kernel has printed this: the cell has got that far. */
async function prints(text: string): Promise<void> {
  while (!front.printed.includes(text)) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('kernel_info: the version of the protocol and the language', async () => {
  const { reply, outputs } = await front.ask('kernel_info_request', {});
  assert.is(reply.header.msg_type, 'kernel_info_reply');
  assert.is(reply.content['protocol_version'], '5.4');
  assert.is((reply.content['language_info'] as { name: string }).name, 'typescript');
  assert.equal(
    outputs.map(({ content }) => content['execution_state']),
    ['busy', 'idle'],
  );
});

test('a cell: busy, its input, outputs in order, the value, idle; the count goes on', async () => {
  const answer = await front.execute('console.log("out"); console.error("err"); rc');
  assert.equal(
    answer.outputs.map(({ header }) => header.msg_type),
    ['status', 'execute_input', 'stream', 'stream', 'execute_result', 'status'],
  );
  assert.equal(outputsOf(answer), [
    ['stream', 'out\n'],
    ['stream', 'err\n'],
    ['execute_result', { 'text/plain': '<Client [0, 1]>' }],
  ]);
  const first = answer.reply.content['execution_count'] as number;
  const silent = await front.execute('console.log("heard"); 5', { silent: true });
  assert.equal(outputsOf(silent), [['stream', 'heard\n']]);
  assert.is((await front.execute('1')).reply.content['execution_count'], first + 1);
});

test('names live on; a cell is one program; awaited pushes say nothing', async () => {
  await front.execute('const list = twice([1, 2]);\n\nfunction twice(xs) { return xs.map((x) => 2 * x); }');
  assert.equal(outputsOf(await front.execute('list')), [['execute_result', { 'text/plain': '[ 2, 4 ]' }]]);
  assert.equal(outputsOf(await front.execute('await view.push({ a: 7 })')), []);
  assert.equal(outputsOf(await front.execute('await view.pull("a")')), [
    ['execute_result', { 'text/plain': '[ 7, 7 ]' }],
  ]);
});

test('an error: its name, message and lines; cells that were sent with it are aborted, later ones run', async () => {
  const [failed, dropped] = await Promise.all([front.execute('throw new TypeError("bad")'), front.execute('1')]);
  const { status, ename, evalue, traceback } = failed.reply.content;
  assert.equal([status, ename, evalue], ['error', 'TypeError', 'bad']);
  assert.match((traceback as string[]).join('\n'), /TypeError: bad\n {4}at REPL\d+:1:7$/);
  assert.is(statusOf(dropped), 'aborted');
  assert.is(statusOf(await front.execute('1')), 'ok');
  const both = await Promise.all([front.execute('throw 1', { stop_on_error: false }), front.execute('1')]);
  assert.equal(both.map(statusOf), ['error', 'ok']);
});

test('%px: output and pictures of the engines; a failure fails the cell', async () => {
  assert.match(textOf(await front.execute('%px console.log("on", engine.id)')), /\[stdout:1\] \non 1\n/);
  const shown = outputsOf(
    await front.execute('%%px -t 0\ndisplay({ [Symbol.for("Jupyter.display")]: () => ({ "text/html": "<b>5</b>" }) })'),
  );
  assert.equal(shown.at(-1), ['display_data', { 'text/html': '<b>5</b>' }]);
  const png = outputsOf(await front.execute('%px -t 0 new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])'));
  assert.is(bundleOf(png.at(-1))['image/png'], 'iVBORw0KGgo=');
  const failed = await front.execute('%px nope()');
  assert.is(statusOf(failed), 'error');
  assert.match(textOf(failed), /ReferenceError: nope is not defined on engine 0/);
});

test('rich values: tensors as tables, tags, values that change in place, clear_output', async () => {
  const [[, tensor]] = outputsOf(await front.execute('tensor([[1, 2]])')) as [[string, Record<string, string>]];
  assert.match(tensor['text/html']!, /<table>/);
  const [[, page]] = outputsOf(await front.execute('html(`<b>` + (1 + 1) + `</b>`)')) as [
    [string, Record<string, string>],
  ];
  assert.is(page['text/html'], '<b>2</b>');
  const { outputs } = await front.execute(
    'const shown = await display(md`*one*`); await shown.update(svg`<svg/>`); clearOutput()',
  );
  const made = outputs.filter(({ header }) => /display|clear/.test(header.msg_type));
  assert.equal(
    made.map(({ header }) => header.msg_type),
    ['display_data', 'update_display_data', 'clear_output'],
  );
  assert.equal(made[0]?.content['transient'], made[1]?.content['transient']);
  assert.is(bundleOf(['', made[1]?.content['data']])['image/svg+xml'], '<svg/>');
});

test('displays keep their order without an await; what JSON cannot hold is an error of the cell', async () => {
  const shown = async (code: string) =>
    outputsOf(await front.execute(code)).map(([type, data]) => {
      const bundle = data as Record<string, string>;
      return [type, typeof data === 'object' ? (bundle['text/plain'] ?? bundle) : data];
    });
  assert.equal(await shown('console.log("A"); display("B"); console.log("C"); display("D")'), [
    ['stream', 'A\n'],
    ['display_data', "'B'"],
    ['stream', 'C\n'],
    ['display_data', "'D'"],
  ]);
  const { outputs } = await front.execute('display(1); display(2); clearOutput({ wait: true }); display(3)');
  assert.equal(
    outputs.filter(({ header }) => /display|clear|result/.test(header.msg_type)).map(({ header }) => header.msg_type),
    ['display_data', 'display_data', 'clear_output', 'display_data'],
  );
  const own = (form: string) => `({ [Symbol.for("Jupyter.display")]: () => (${form}) })`;
  for (const [code, message] of [
    ['await display({ "application/json": { a: 1n } }, { raw: true })', /application\/json.*BigInt/],
    ['const ring = {}; ring.ring = ring; await display({ "x/y": ring }, { raw: true })', /'x\/y'.*circular/],
    ['await display({ "x/y": () => 1 }, { raw: true })', /'x\/y' cannot be JSON/],
    [own('{ "application/json": { a: 1n } }'), /application\/json.*BigInt/],
    [own('5'), /MIME types and their data, not 5/],
    [`await display(${own('null')})`, /MIME types and their data, not null/],
  ] as const) {
    const { reply } = await front.execute(code);
    assert.is(reply.content['status'], 'error', code);
    assert.match(String(reply.content['evalue']), message);
  }
  await front.execute(`display(${own('7')}); 1`);
  assert.equal(await shown(own('{}')), []);
});

test('the cluster that the kernel has started is there by its name', async () => {
  assert.equal(outputsOf(await front.execute('cluster.ids ?? cluster.engines.length')), [
    ['execute_result', { 'text/plain': '2' }],
  ]);
});

test('an interrupt ends a px that waits behind this client, too, and says what became of the engines', async () => {
  await front.execute('behind = view.apply(() => { for (;;); }); behind.catch(() => {}); 0');
  const running = front.execute('%%px --verbose\nfor (;;);');
  await prints('Parallel execution on engine');
  await front.ask('interrupt_request', {}, 'control');
  assert.is(statusOf(await running), 'error');
  assert.equal(outputsOf(await front.execute('await view.apply(() => 3)')).at(-1)?.[1], { 'text/plain': '[ 3, 3 ]' });
  const waiting = front.execute('console.log("loops there"); await view.apply(() => { for (;;); })');
  await prints('loops there');
  await front.ask('interrupt_request', {}, 'control');
  assert.match(String((await waiting).reply.content['evalue']), /code of this client on engines ends, too/);
});

for (const [what, code] of [
  ['a loop of the cell', 'console.log("begun loop"); for (;;);'],
  ['a loop behind an await', 'await view.apply(() => 1); console.log("begun behind"); for (;;);'],
  ['a loop of a helper', 'async function deep() { await null; console.log("begun helper"); for (;;); } await deep()'],
  ['a loop of a timer', 'await new Promise(() => setTimeout(() => { console.log("begun timer"); for (;;); }))'],
  ['a loop that awaits', 'console.log("begun awaits"); for (;;) await new Promise((go) => setTimeout(go, 1));'],
  ['a loop of microtasks', 'console.log("begun micro"); for (;;) { try { await null } catch {} }'],
  [
    'a loop beside much traffic',
    'const many = rc.loadBalanced().map((x) => x, range(2000)); await rc[0].apply(() => 1); console.log("begun traffic"); for (;;);',
  ],
  ['a wait of the cell', 'console.log("begun wait"); await new Promise(() => {})'],
  ['a loop on the engines', 'console.log("begun apply"); await view.apply(() => { for (;;); })'],
  ['%px', '%%px\nconsole.log("begun px");\nawait new Promise(() => {})'],
] as const) {
  test(`an interrupt ends ${what}, by message and by signal; the next cell works`, async () => {
    for (const how of ['message', 'signal']) {
      const marked = code.replace('begun', `begun ${how}`);
      const running = front.execute(marked);
      await prints(/"(begun.*?)"/.exec(marked)![1]!);
      if (how === 'signal') front.kernel.kill('SIGINT');
      else await front.ask('interrupt_request', {}, 'control');
      assert.is(statusOf(await running), 'error');
      assert.equal(outputsOf(await front.execute('await view.apply(() => 3)')).at(-1)?.[1], {
        'text/plain': '[ 3, 3 ]',
      });
    }
  });
}

test('while a cell computes, the heart beats and its text arrives', async () => {
  const running = front.execute('console.log("computing"); for (;;);');
  await prints('computing');
  assert.is(await front.heartbeat('ping'), 'ping');
  assert.is((await front.ask('kernel_info_request', {})).reply.content['status'], 'ok');
  await front.ask('interrupt_request', {}, 'control');
  await running;
});

test('complete, inspect, is_complete, history, comm_info', async () => {
  const complete = await front.ask('complete_request', { code: '"😀"; rc.waitForEng', cursor_pos: 18 });
  assert.equal(complete.reply.content, {
    status: 'ok',
    matches: ['rc.waitForEngines'],
    cursor_start: 5,
    cursor_end: 18,
    metadata: {},
  });
  const inspect = await front.ask('inspect_request', { code: 'view.apply(', cursor_pos: 11, detail_level: 0 });
  assert.match(
    (inspect.reply.content['data'] as Record<string, string>)['text/plain']!,
    /^apply[\s\S]*once per target/,
  );
  const states = [
    'for (;;) {',
    '6 * 7',
    'a +* b',
    '%px x',
    '`open',
    'const f = (x: number) => x',
    'f((x: number) => {',
  ].map(async (code) => {
    const { reply } = await front.ask('is_complete_request', { code });
    return reply.content['status'];
  });
  assert.equal(await Promise.all(states), [
    ...['incomplete', 'complete', 'invalid', 'complete', 'incomplete'],
    ...['complete', 'incomplete'],
  ]);
  await front.execute('"remember this"');
  const { reply } = await front.ask('history_request', { hist_access_type: 'tail', n: 1, output: true, raw: true });
  assert.equal((reply.content['history'] as unknown[][])[0]?.[2], ['"remember this"', "'remember this'"]);
  assert.equal((await front.ask('comm_info_request', {})).reply.content, { status: 'ok', comms: {} });
});

test('input() asks the front end, or says that it cannot', async () => {
  front.onInput = (prompt) => `answer to ${prompt}`;
  assert.equal(outputsOf(await front.execute('await input("who?")')), [
    ['execute_result', { 'text/plain': "'answer to who?'" }],
  ]);
  const both = 'await Promise.all([input("a"), input("b")])';
  assert.equal(outputsOf(await front.execute(both)), [
    ['execute_result', { 'text/plain': "[ 'answer to a', 'answer to b' ]" }],
  ]);
  const refused = await front.execute('await input("who?")', { allow_stdin: false });
  assert.match(String(refused.reply.content['evalue']), /takes no input/);
});

test('an engine that dies, errors after the cell, 50 MB of text, 1,000 pictures: the kernel goes on', async () => {
  assert.match(
    String((await front.execute('await rc[0].apply(() => process.exit(3))')).reply.content['evalue']),
    /exited with code 3/,
  );
  await front.execute('setTimeout(() => { throw new Error("late one"); })');
  await prints('late one');
  const long = textOf(
    await front.execute('for (let i = 0; i < 50 * 1024; i++) console.log("x".repeat(1023)); console.log("the end")'),
  );
  assert.ok(long.length < 2 * 1024 * 1024 && long.endsWith('the end\n'), `${long.length} characters`);
  const pictures = await front.execute('for (let i = 0; i < 1000; i++) display(svg(`<svg id="` + i + `"/>`))');
  assert.is(outputsOf(pictures).filter(([type]) => type === 'display_data').length, 1000);
  assert.is(statusOf(await front.execute('1')), 'ok');
});

test('rubbish, wrong signatures, replays and unknown messages are ignored; the log tells each kind once', async () => {
  const rubbish = [
    ['x'],
    ['<IDS|MSG>', 'bad', '{}', '{}', '{}', '{}'],
    ['<IDS|MSG>', '', '{', '{}', '{}', '{}'],
    ['<IDS|MSG>', 'f'.repeat(64), '{}', '{}', '{}', '{}'],
  ];
  await front.execute('runs = 0');
  for (let i = 0; i < 3; i++) {
    for (const frames of rubbish) await front.sendRaw(frames.map((text) => Buffer.from(text)));
    await front.sendRaw(front.signed(['not JSON', '{}', '{}', '{}']));
    await front.sendRaw(front.signed(['{"msg_id": "1"}', '{}', '{}', '{}']));
    await front.sendRaw(front.signed(['[]', '{}', '{}', '5']));
    await front.sendRaw(front.framesOf('make_coffee_request', {}));
    await front.sendRaw(front.framesOf('execute_request', 'no fields'));
  }
  const cell = front.framesOf('execute_request', { code: 'runs++', silent: true });
  for (let i = 0; i < 3; i++) await front.sendRaw(cell);
  assert.equal(outputsOf(await front.execute('runs')), [['execute_result', { 'text/plain': '1' }]]);
  const kinds = [
    'a message without its frames',
    'a wrong signature',
    'a part that is not JSON',
    'a part without fields',
    'a header without msg_id, msg_type or session',
    'a message of unknown type (make_coffee_request)',
    'a message that came before',
  ];
  for (const kind of kinds)
    assert.is(front.log.split(`directview kernel: ignored: ${kind}`).length, 2, `${kind}: ${front.log}`);
  assert.is(front.log.match(/ignored: /g)?.length, kinds.length);
});

test('code of a cell that listens to SIGINT is told, and may stop to listen', async () => {
  await front.execute(
    'heard = 0; listener = () => { heard++; console.log("heard it"); }; process.on("SIGINT", listener)',
  );
  const running = front.execute('console.log("listens"); await new Promise(() => {})');
  await prints('listens');
  front.kernel.kill('SIGINT');
  await prints('heard it');
  assert.is(statusOf(await running), 'error');
  await front.execute('process.off("SIGINT", listener)');
  const loop = front.execute('console.log("after it"); for (;;);');
  await prints('after it');
  front.kernel.kill('SIGINT');
  assert.is(statusOf(await loop), 'error');
  assert.equal(outputsOf(await front.execute('heard')), [['execute_result', { 'text/plain': '1' }]]);
});

test('after an error the replies come in the order of the requests', async () => {
  const order: string[] = [];
  const noted = async (name: string, answer: Promise<Answer>) => {
    const { reply } = await answer;
    order.push(`${name} ${reply.content['status']}`);
  };
  const all = [
    noted('first', front.execute('await new Promise(() => {})')),
    noted('second', front.execute('1')),
    noted('comms', front.ask('comm_info_request', {})),
    noted('third', front.execute('2')),
    noted('complete', front.ask('is_complete_request', { code: '1' })),
  ];
  // The thread of the sockets answers it: all of the requests above have arrived.
  await front.ask('kernel_info_request', {});
  await front.ask('interrupt_request', {}, 'control');
  await Promise.all(all);
  assert.equal(order, ['first error', 'second aborted', 'comms ok', 'third aborted', 'complete complete']);
});

for (const [what, code] of [
  ['awaits', 'await new Promise(() => {})'],
  ['waits for engines', 'await view.apply(() => { for (;;); })'],
  ['computes', 'for (;;);'],
  ['computes behind an await', 'await view.apply(() => 1); for (;;);'],
] as const) {
  test(`a burst of signals, while a cell ${what} and while none runs, ends no kernel`, async () => {
    const begun = () => new Promise((go) => setTimeout(go, 10));
    let running: Promise<Answer> | undefined;
    // A signal of the burst before may still arrive, and end the cell before it begins.
    for (let isOver = true; isOver; ) {
      const text = `begun ${Math.random()}`;
      isOver = false;
      running = front.execute(`console.log("${text}"); ${code}`);
      void running.then(() => (isOver = true));
      while (!isOver && !front.printed.includes(text)) await begun();
      if (front.printed.includes(text)) break;
    }
    for (let i = 0; i < 20; i++) front.kernel.kill('SIGINT');
    assert.is(statusOf(await running!), 'error');
    for (let i = 0; i < 20; i++) front.kernel.kill('SIGINT');
    await untilOk('await view.apply(() => 3)');
    assert.is(front.kernel.signalCode ?? front.kernel.exitCode, null);
  });
}

test('shutdown: the reply, exit code 0, no engine left', async () => {
  const told = await untilOk('await rc.view("all").apply(() => process.pid)');
  const engines = outputsOf(told).at(-1)?.[1] as Record<string, string>;
  const pids = JSON.parse(engines['text/plain']!) as number[];
  assert.is(await front.shutdown(), 0);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  assert.equal(lab.leftovers(), []);
});

test.run();
