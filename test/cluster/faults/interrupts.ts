// Interrupts, run-time limits and AbortSignals: they end the right task, say how, and say it when it has stopped.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { AbortError, RemoteError, TaskInterrupted, TaskTimeout } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, sleep, startRig, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { removeTemporaryFolders, temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/interrupts');
let rig: Rig;

test.before(async () => {
  rig = await startRig(2);
});
test.after(async () => {
  removeTemporaryFolders();
  await rig.stop();
});

const folder = temporaryFolder('dvt-interrupts-');
let files = 0;
const newFile = (): string => join(folder, String(files++));

const uninterruptible: Record<string, () => Promise<unknown>> = {
  'a loop after an await': async () => {
    await null;
    for (;;);
  },
  'endless microtasks': async () => {
    for (;;) await null;
  },
  'an endless for await': async () => {
    async function* forever() {
      for (;;) yield 1;
    }
    for await (const _ of forever()) _;
  },
  'Atomics.wait after an await': async () => {
    await null;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
};

for (const [what, fn] of Object.entries(uninterruptible)) {
  test(`runTimeout ends ${what}: TaskTimeout, and the engine is back under its id`, async () => {
    const before = rig.rc.engine(1)?.uuid;
    const error = await rejects(() => rig.rc.view(1).with({ runTimeout: 100 }).apply(fn).get(), TaskTimeout);
    assert.match(error.evalue, /on engine 1 ran longer than 100 ms .*; engine 1 was replaced; its namespace is empty/);
    assert.equal(rig.rc.ids, [0, 1]);
    assert.is.not(rig.rc.engine(1)?.uuid, before);
    assert.is(await rig.rc.view(1).apply(() => 'alive'), 'alive');
  });
}

// The error is looked at when no signal can end code any more: a signal would end the process then. Each writes the file when it is
// looked at: an interrupt before that ends the task.
const unreadable: Record<string, (entered: string) => unknown> = {
  'a proxy whose prototype is never found': (entered) => {
    throw new Proxy(
      {},
      {
        getPrototypeOf() {
          process.getBuiltinModule('node:fs').writeFileSync(entered, '');
          for (;;);
        },
      },
    );
  },
  'a proxy whose fields are never found': (entered) => {
    throw new Proxy(new Error('x'), {
      get() {
        process.getBuiltinModule('node:fs').writeFileSync(entered, '');
        for (;;);
      },
    });
  },
  'an error whose code is never found': (entered) => {
    throw Object.defineProperty(new Error('x'), 'code', {
      get() {
        process.getBuiltinModule('node:fs').writeFileSync(entered, '');
        for (;;);
      },
    });
  },
};

for (const [what, fn] of Object.entries(unreadable)) {
  test(`an interrupt of a task that threw ${what}: the engine is back under its id`, async () => {
    const entered = newFile();
    const stuck = rig.rc.view(1).apply(fn, entered);
    await until('the error is looked at', () => existsSync(entered));
    await rig.rc.interrupt(1, { grace: 200 });
    const error = await rejects(() => stuck.get(), TaskInterrupted);
    assert.match(error.evalue, /on engine 1 was interrupted; engine 1 was replaced; its namespace is empty/);
    assert.is(await rig.rc.view(1).apply(() => 'alive'), 'alive');
  });
}

test('interrupt resolves when the thing has stopped: the engine was replaced', async () => {
  const entered = newFile();
  const stuck = rig.rc.view(1).apply(async (file) => {
    await null;
    process.getBuiltinModule('node:fs').writeFileSync(file, '');
    for (;;);
  }, entered);
  const behind = rig.rc.view(1).apply(() => 1);
  await until('the loop is behind its await', () => existsSync(entered));
  await rig.rc.interrupt(1, { grace: 200 });
  assert.equal(rig.rc.ids, [0, 1]);
  assert.is(await rig.rc.view(1).apply(() => 'alive'), 'alive');
  assert.is((await rejects(() => stuck.get(), TaskInterrupted)).engineInfo?.engineId, 1);
  await rejects(() => behind.get(), RemoteError, /Engine 1 died before this task started/);
});

test('interrupt resolves when the thing has stopped: the task ended', async () => {
  const stuck = rig.e0.apply(() => {
    for (;;);
  });
  await untilRunning(rig.rc, [0]);
  await rig.rc.interrupt(0);
  assert.is((await rig.rc.status(0)).get(0)?.running, null);
  await rejects(() => stuck.get(), TaskInterrupted);
});

test('a task that waits for a child process ends with it; the namespace survives', async () => {
  await rig.e0.push({ kept: 5 });
  const sleeps = rig.e0
    .with({ runTimeout: 200 })
    .execute("process.getBuiltinModule('node:child_process').execSync('sleep 100')");
  await rejects(() => sleeps.get(), TaskTimeout, /ran longer than 200 ms/);
  assert.is(await rig.e0.pull('kept'), 5);
});

test('native code that nothing breaks: the engine is killed and comes back', async () => {
  const stuck = rig.rc
    .view(1)
    .with({ runTimeout: 100 })
    .apply(async () => {
      const { execSync } = await import('node:child_process');
      execSync("trap '' INT; sleep 100", { stdio: 'ignore' });
    });
  await rejects(() => stuck.get(), TaskTimeout, /engine 1 was replaced/);
  assert.is(await rig.rc.view(1).apply(() => 'alive'), 'alive');
});

test('an abort of a signal with interrupt ends the running task, and neither the next nor another client’s', async () => {
  const other = await rig.cluster.connect();
  const aborter = new AbortController();
  const stuck = rig.e0.with({ signal: aborter.signal, interrupt: true }).apply(() => {
    for (;;);
  });
  await untilRunning(rig.rc, [0]);
  const next = other.view(0).apply(() => 'next');
  aborter.abort();
  await rejects(() => stuck.get(), AbortError);
  assert.is(await next, 'next');
  await rejects(() => rig.rc.getResult(stuck.msgIds[0]).get(), TaskInterrupted);
  await other.close();
});

test('an abort meets another client’s task in front: only the waiting one goes', async () => {
  const other = await rig.cluster.connect();
  const theirs = other
    .view(0)
    .apply((ms: number) => new Promise((resolve) => setTimeout(() => resolve('theirs'), ms)), 400);
  await untilRunning(rig.rc, [0]);
  const aborter = new AbortController();
  const ours = rig.e0.with({ signal: aborter.signal, interrupt: true }).apply(() => 1);
  aborter.abort();
  await rejects(() => ours.get(), AbortError);
  assert.is(await theirs, 'theirs');
  await other.close();
});

test('without interrupt the running task goes on', async () => {
  const aborter = new AbortController();
  const napping = rig.e0
    .with({ signal: aborter.signal })
    .apply((ms: number) => new Promise((r) => setTimeout(() => r('done'), ms)), 300);
  await untilRunning(rig.rc, [0]);
  aborter.abort();
  await rejects(() => napping.get(), AbortError);
  assert.is(await rig.rc.getResult(napping.msgIds[0]).get(), 'done');
});

test('load balanced, map and imap: an abort with interrupt ends what runs', async () => {
  const forever = () => {
    for (;;);
  };
  const lview = rig.rc.loadBalanced();
  const aborter = new AbortController();
  const mapped = lview.with({ signal: aborter.signal, interrupt: true }).map(forever, range(4));
  await untilRunning(rig.rc, [0, 1]);
  aborter.abort();
  await rejects(() => mapped.get(), AbortError);
  assert.equal(await lview.map((x: number) => x, range(4)), range(4));
  const second = new AbortController();
  const stream = lview.imap(forever, range(4), { signal: second.signal, interrupt: true });
  const first = stream.next();
  await untilRunning(rig.rc, [0, 1]);
  second.abort();
  await rejects(() => first, AbortError);
  assert.equal(await lview.map((x: number) => x, range(4)), range(4));
  await sleep(0);
});

test('a signal amid Node’s own timers: the next task runs on sound timers, or the engine is replaced first', async () => {
  const hammer = () => {
    for (;;) {
      const timers = Array.from({ length: 50 }, (_, i) => setTimeout(() => {}, 1 + ((i * 7) % 90)));
      for (const timer of timers) clearTimeout(timer);
    }
  };
  const nap = (ms: number) => new Promise((resolve) => setTimeout(() => resolve('ok'), ms));
  for (let n = 0; n < 12; n++) {
    const hammering = rig.e0.apply(hammer);
    const next = rig.e0.apply(nap, 3);
    await untilRunning(rig.rc, [0]);
    await rig.rc.interrupt(0);
    await rejects(() => hammering.get(), TaskInterrupted);
    const end = await next.get({ timeout: 20_000 }).catch((error: Error) => error.message);
    assert.match(end as string, /^ok$|died before this task started: .* \(was broken by an interrupt\)/);
    assert.is(await rig.e0.apply(nap, 7), 'ok');
  }
});

test('an option interrupt that is no boolean is refused', async () => {
  const bad = { interrupt: 'yes' } as unknown as { interrupt: boolean };
  assert.throws(() => rig.e0.with(bad), /interrupt is true or false, not 'yes'/);
  assert.throws(() => rig.rc.loadBalanced().with(bad), /interrupt is true or false, not 'yes'/);
});

test('a SIGINT listener of a task does not take the signal from interrupts', async () => {
  const before = rig.rc.engine(0)?.uuid;
  for (const name of ['on', 'once', 'prependListener'] as const) {
    const task = rig.rc.view(0).apply((how) => {
      process[how]('SIGINT', () => {});
    }, name);
    await task;
    assert.match(String(task.stderr), /this listener is not called/);
  }
  const loop = rig.rc
    .view(0)
    .with({ runTimeout: 200 })
    .apply(() => {
      for (;;);
    });
  await rejects(() => loop.get(), TaskTimeout);
  assert.is(rig.rc.engine(0)?.uuid, before);
});

/** Calls that wait for a child or a file: the signal ends the call, and the task says why. */
const BLOCKING: [string, string][] = [
  ['execSync', "require('node:child_process').execSync('sleep 100')"],
  [
    'spawnSync',
    "const { signal } = require('node:child_process').spawnSync('sleep', ['100']); throw new Error(signal)",
  ],
  [
    'execFileSync whose error is wrapped',
    "try { require('node:child_process').execFileSync('sleep', ['100']) } catch (e) { throw new TypeError('wrapped', { cause: e }) }",
  ],
  ['execSync whose error is caught', "try { require('node:child_process').execSync('sleep 100') } catch {}"],
  ['Atomics.wait', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'],
  [
    'readSync of a fifo',
    "const fs = require('node:fs'); const path = require('node:path').join(require('node:os').tmpdir(), 'fifo-' + process.pid); try { require('node:child_process').execFileSync('mkfifo', [path]); const fd = fs.openSync(path, 'r+'); fs.unlinkSync(path); fs.readSync(fd, Buffer.alloc(1)) } finally { fs.rmSync(path, { force: true }) }",
  ],
];

for (const [what, source] of BLOCKING) {
  for (const isAsync of [false, true]) {
    // Such a wait after an await costs the engine. Only children and reads end by the signal to the group.
    if (isAsync && what === 'Atomics.wait') continue;
    test(`a limit ends ${what}${isAsync ? ' after an await' : ''} with TaskTimeout`, async () => {
      const run = new Function(
        `return ${isAsync ? 'async () => { await null;' : '() => {'} ${source} }`,
      )() as () => void;
      const error = await rejects(() => rig.rc.view(0).with({ runTimeout: 100 }).apply(run).get(), TaskTimeout);
      assert.match(error.evalue, /ran longer than 100 ms/);
      assert.is(await rig.rc.view(0).apply(() => 'alive'), 'alive');
    });
  }
}

test('an interrupt says that it was one, with the words of the call', async () => {
  const stuck = rig.rc.view(0).apply(async () => {
    await null;
    (await import('node:child_process')).execSync('sleep 100');
  });
  const pid = rig.rc.engine(0)?.pid;
  await until('its program runs', () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') !== '');
  await rig.rc.interrupt(0);
  const error = await rejects(() => stuck.get(), TaskInterrupted);
  assert.match(error.evalue, /was interrupted; it threw Error: Command failed: sleep 100$/);
  assert.is(await rig.rc.view(0).apply(() => 'alive'), 'alive');
});

test.run();
