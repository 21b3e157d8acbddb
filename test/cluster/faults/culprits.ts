// Errors of timers, listeners and streams belong to the task that made them: not to the task that runs when they fail.
import * as assert from 'uvu/assert';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('culprits');
let rig: Rig;
let said = '';
const { write } = process.stderr;
test.before(async () => {
  process.stderr.write = ((chunk: string | Uint8Array) => {
    said += String(chunk);
    return true;
  }) as typeof write;
  rig = await startRig(2);
});
test.after(async () => {
  process.stderr.write = write;
  await rig.stop();
});

/** [what, source that fails with `fail()` later on]: `fail` notes that it was called, and throws. */
const WAYS: [string, string][] = [
  ['setTimeout', 'setTimeout(fail, 1)'],
  ['setInterval', 'const t = setInterval(() => { clearInterval(t); fail() }, 1)'],
  ['setImmediate', 'setImmediate(fail)'],
  ['setTimeout from node:timers', "require('node:timers').setTimeout(fail, 1)"],
  ['process.nextTick', 'process.nextTick(fail)'],
  ['queueMicrotask', 'queueMicrotask(fail)'],
  ['queueMicrotask in a timer', 'setTimeout(() => queueMicrotask(fail), 1)'],
  ['a listener', "const e = new (require('node:events'))().on('x', fail); setTimeout(() => e.emit('x'), 1)"],
  ['an EventTarget', "const e = new EventTarget(); e.addEventListener('x', fail); e.dispatchEvent(new Event('x'))"],
  ['an AbortSignal', 'AbortSignal.timeout(1).onabort = fail'],
  ['a readable stream', "require('node:stream').Readable.from(['a']).on('data', fail)"],
  ['a writable stream', "new (require('node:stream').Writable)({ write(c, e, done) { fail() } }).end('x')"],
  ['a transform', "new (require('node:stream').PassThrough)().on('end', fail).resume().end('x')"],
  ['a file stream', "require('node:fs').createReadStream(process.execPath, { end: 9 }).on('data', fail)"],
  ['fs.stat', "require('node:fs').stat('/', fail)"],
  ['fs.readFile', "require('node:fs').readFile('/no/such', fail)"],
  ['zlib', "require('node:zlib').gzip('a', fail)"],
  ['crypto', "require('node:crypto').randomBytes(8, fail)"],
  ['dns', "require('node:dns').lookup('127.0.0.1', fail)"],
  ['a child process', "require('node:child_process').execFile(process.execPath, ['-v'], fail)"],
  ['a socket', "require('node:net').connect('/no/such/socket').on('error', fail)"],
  [
    'a message port',
    'const c = new MessageChannel(); c.port1.onmessage = () => { c.port1.close(); fail() }; c.port2.postMessage(1)',
  ],
  ['Promise.reject', 'Promise.reject(make())'],
  ['a promise of a timer', 'new Promise((_, no) => setTimeout(() => no(make()), 1))'],
  ['an async function', '(async () => { await null; fail() })()'],
  ['then', 'Promise.resolve().then(fail)'],
  ['an async function that waits', "(async () => { await require('node:timers/promises').setTimeout(1); fail() })()"],
];

/** Leaves a failure behind that comes while a later task runs. */
const leave = (way: string, text: string) =>
  new Function(`return () => {
    globalThis.next = false;
    globalThis.failed = false;
    const make = () => { globalThis.failed = true; return new Error(${JSON.stringify(text)}) };
    const fail = () => { throw make() };
    const begin = () => { ${way} };
    setTimeout(function look() { if (globalThis.next) begin(); else setTimeout(look, 1) }, 1);
  }`)() as () => void;

/** Waits until the earlier task has failed, and some turns more. */
const waits = async (): Promise<string> => {
  const scope = globalThis as unknown as { next: boolean; failed: boolean };
  scope.next = true;
  while (!scope.failed) await new Promise((go) => setTimeout(go, 1));
  for (let turn = 0; turn < 5; turn++) await new Promise((go) => setImmediate(go));
  return 'innocent';
};

for (const [what, way] of WAYS) {
  test(`${what} of an ended task does not fail the running one`, async () => {
    const e1 = rig.rc.view(1);
    const text = `left behind by ${what}`;
    const isTold = () => said.includes(`: Error: ${text}`);
    // An engine tells at most 20 errors in a second.
    for (let i = 0; i < 500 && !isTold(); i++) {
      await e1.apply(leave(way, text));
      assert.is(await e1.apply(waits), 'innocent');
    }
    assert.ok(isTold() && said.includes('[engine 1] '), `the line of ${what}`);
    assert.not.ok(said.includes('[engine 0]'));
  });

  test(`${what} fails the task that waits for it`, async () => {
    const waiting = new Function(`return () => new Promise(() => {
      const make = () => new Error('its own');
      const fail = () => { throw make() };
      ${way};
    })`)() as () => Promise<void>;
    await rejects(() => rig.rc.view(1).apply(waiting).get({ timeout: 15_000 }), Error, /its own/);
  });
}

/** Failures within the turn in which a synchronous function ends. */
const AT_ONCE = [
  "Promise.reject(new Error('forgotten'))",
  "(async () => { throw new Error('forgotten') })()",
  "(async () => { await null; await null; throw new Error('forgotten') })()",
  "Promise.resolve().then(() => { throw new Error('forgotten') })",
  "process.nextTick(() => { throw new Error('forgotten') })",
  "queueMicrotask(() => { throw new Error('forgotten') })",
  "new Promise((_, no) => process.nextTick(no, new Error('forgotten')))",
];

for (const source of AT_ONCE) {
  test(`a synchronous function fails by what it has forgotten: ${source}`, async () => {
    const made = new Function(`return () => { ${source}; return 1 }`)() as () => number;
    await rejects(() => rig.rc.view(0).apply(made), Error, /forgotten/);
    await rejects(() => rig.rc.view(0).map(made, [1, 2]), Error, /forgotten/);
    await rejects(() => rig.rc.view(0).execute(`${source}; 1`), Error, /forgotten/);
    await rejects(() => rig.rc.loadBalanced().apply(made), Error, /forgotten/);
    assert.is(await rig.rc.view(0).apply(() => 42), 42);
  });
}

test('among tasks in a row only the one fails that forgot a rejection', async () => {
  const forget = (i: number) => {
    if (i === 25) void Promise.reject(new Error('of 25'));
    return i;
  };
  const all = Array.from({ length: 50 }, (_, i) => rig.rc.view(0).apply(forget, i));
  const settled = await Promise.allSettled(all);
  for (const [i, one] of settled.entries()) {
    if (i === 25) assert.match((one as PromiseRejectedResult).reason.message, /of 25/);
    else assert.equal(one, { status: 'fulfilled', value: i });
  }
});

test('a rejection that is handled in time fails nothing', async () => {
  const handled = () => {
    const rejected = Promise.reject(new Error('handled'));
    rejected.catch(() => {});
    return 5;
  };
  assert.is(await rig.rc.view(0).apply(handled), 5);
});

test.run();
