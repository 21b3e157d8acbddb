// A real engine process over real sockets: register, work, interrupt, faults, exit codes, nothing left behind.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { EngineOptions } from '../../../src/protocol/engine-options.ts';
import type { EngineStatus } from '../../../src/protocol/messages/control.ts';
import { Ref } from '../../../src/protocol/values/ref.ts';
import { tensor } from '../../../src/tensor/convert.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { spawnEngine, TestClient, TestController } from '../../support/engine-process.ts';
import { waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('engine process');
declare const a: unknown, counter: number, engine: { id: number; publish(x: unknown): void }, tf: { tidy: unknown };
declare const nope: unknown;
declare function display(x: unknown): void;

async function withEngine(
  use: (client: TestClient, engine: ReturnType<typeof spawnEngine>, controller: TestController) => Promise<void>,
  extra: Partial<EngineOptions> = {},
): Promise<void> {
  const controller = await new TestController().listen();
  const engine = spawnEngine(controller, 'engine', extra);
  const gone = engine.exit.then(([code]) => Promise.reject(new Error(`engine exit ${code}: ${engine.stderr()}`)));
  gone.catch(() => {});
  const [record] = await Promise.race([controller.waitFor(1), gone]);
  const client = new TestClient(record!);
  try {
    await use(client, engine, controller);
  } finally {
    await client.close();
    engine.child.stdin?.end();
    await engine.exit;
    await controller.close();
  }
}

test('works: apply, execute, push, pull, map, memory, clear, errors', () =>
  withEngine(async (client, { child }) => {
    assert.is((await client.apply(() => process.pid)).value, child.pid);
    assert.is((await client.apply((x: number, y: number) => x + y, 2, 3)).value, 5);
    await client.run('push', { names: ['a', 'b.c'], values: [5, 6] });
    assert.equal((await client.run('pull', { names: ['a', 'b.c', 'a+1'] })).value, [5, 6, 6]);
    assert.is((await client.apply(() => a)).value, 5);
    assert.is((await client.apply((x: unknown) => x, new Ref('b.c'))).value, 6);
    const mapped = await client.run('map', {
      fn: (x: number) => {
        if (x === 2) throw new RangeError('two');
        return x * x;
      },
      sequences: [[1, 2, 3]],
    });
    const { values, errors } = mapped.value as { values: number[]; errors: [number, { name: string }][] };
    assert.equal(values, [1, undefined, 9]);
    assert.equal(
      errors.map(([i, e]) => [i, e.name]),
      [[1, 'RangeError']],
    );
    const executed = await client.run('execute', { code: 'const q = await Promise.resolve(a)\nq + 1', silent: false });
    assert.equal(executed.value, { executionCount: 1, data: { 'text/plain': '6' } });
    assert.is(executed.reply.metadata.executionCount, 1);
    const missing = await client.apply(() => nope);
    assert.is(missing.reply.error?.name, 'ReferenceError');
    assert.match(missing.reply.error?.message ?? '', /^nope is not defined on engine 0: functions travel/);
    await client.run('clear', undefined);
    assert.is((await client.run('pull', { names: 'a' })).reply.error?.message, 'a is not defined on engine 0');
  }));

test('multiplies, keeps operands and products resident, frees them', () =>
  withEngine(async (client) => {
    const buffers = async () =>
      ((await client.run('memory', {})).value as { device: { buffers: number } }).device.buffers;
    const A = tensor([[1, 2]]);
    const B = tensor([[3], [4]]);
    const product = (await client.run('matmul', { a: A, b: B })).value as Tensor;
    assert.ok(product instanceof Tensor);
    assert.equal([...product.data], [11]);
    assert.is(await buffers(), 0);
    await client.run('push', { names: ['A', 'B'], values: [A, B] });
    await client.run('matmul', { a: new Ref('A'), b: new Ref('B'), into: 'C' });
    assert.is(await buffers(), 3);
    assert.equal((await client.run('pull', { names: 'C' })).value, product);
    await client.run('clear', { names: ['A', 'C'] });
    assert.is(await buffers(), 1);
    await client.run('clear', {});
    assert.is(await buffers(), 0);
  }));

test('text, displays and published data reach the client before the reply', () =>
  withEngine(async (client) => {
    const { reply } = await client.apply(async () => {
      console.log('one');
      await new Promise((resolve) => setTimeout(resolve, 5));
      console.error('two');
      display('<svg/>');
      engine.publish({ step: 1 });
    });
    assert.is(reply.metadata.stdout, 'one\n');
    assert.is(reply.metadata.stderr, 'two\n');
    assert.equal(
      client.outputs.map((o) => [o.stream, o.text ?? o.value]),
      [
        ['stdout', 'one\n'],
        ['stderr', 'two\n'],
        ['display', { 'image/svg+xml': '<svg/>' }],
        ['data', { step: 1 }],
      ],
    );
  }));

test('tf is there synchronously for code that mentions it', () =>
  withEngine(async (client) => {
    const { reply, value } = await client.apply(() => typeof tf.tidy);
    assert.is(reply.error, undefined);
    assert.is(value, 'function');
  }));

test('an endless loop is interrupted; engine and namespace live on', () =>
  withEngine(async (client, { child }) => {
    await client.run('push', { names: ['a'], values: [7] });
    const busy = client.send('apply', {
      fn: () => {
        for (;;) {}
      },
      args: [],
    });
    const behind = client.send('apply', { fn: () => [process.pid, a], args: [] });
    for (let status: EngineStatus | undefined; status?.running !== busy.id || status.queue.length !== 0; ) {
      status = (await client.ask({ type: 'status' })).value as EngineStatus;
      assert.is(status.pid, child.pid);
      if (status.running === busy.id) break;
    }
    assert.ok((await client.ask({ type: 'ping' })).ok, 'ping is answered while the main thread computes');
    assert.is((await client.ask({ type: 'interrupt', ids: [busy.id] })).value, busy.id);
    assert.is((await busy.answer).reply.error?.name, 'TaskInterrupted');
    assert.equal((await behind.answer).value, [child.pid, 7]);
  }));

test('a task that awaits is interrupted, and one that runs too long times out', () =>
  withEngine(async (client) => {
    const sleeping = client.send('apply', { fn: () => new Promise(() => {}), args: [] });
    while (((await client.ask({ type: 'status' })).value as EngineStatus).running !== sleeping.id);
    await client.ask({ type: 'interrupt' });
    assert.is((await sleeping.answer).reply.error?.name, 'TaskInterrupted');
    const late = await client.run(
      'apply',
      {
        fn: () => {
          for (;;) {}
        },
        args: [],
      },
      { runTimeout: 50 },
    );
    assert.is(late.reply.error?.name, 'TaskTimeout');
    assert.match(late.reply.error?.message ?? '', /on engine 0 ran longer than 50 ms/);
    assert.is((await client.apply(() => 1)).value, 1);
  }));

test('a loop that cannot be broken ends the engine with the code for replacement', () =>
  withEngine(async (client, engine) => {
    const fn = async (mark: string) => {
      await null;
      process.getBuiltinModule('node:fs').writeFileSync(mark, '');
      for (;;) {}
    };
    const mark = join(engine.folder, 'mark');
    void client.send('apply', { fn, args: [mark] });
    // A signal that comes before the await still ends the task.
    await waitFor(() => existsSync(mark), 'the loop');
    rmSync(mark);
    await client.ask({ type: 'interrupt', grace: 100 });
    assert.equal(await engine.exit, [75, null]);
    assert.not.ok(existsSync(engine.folder));
  }));

test('an acknowledged abort wins over a later start', () =>
  withEngine(async (client) => {
    const first = client.send('apply', { fn: () => new Promise((resolve) => setTimeout(resolve, 200)), args: [] });
    const second = client.send('execute', { code: 'counter = 1' });
    while (((await client.ask({ type: 'status' })).value as EngineStatus).queue[0] !== second.id);
    assert.ok((await client.ask({ type: 'abort', ids: [second.id, 'test:77'] })).ok);
    assert.is((await second.answer).reply.status, 'aborted');
    assert.is((await first.answer).reply.status, 'ok');
    assert.is((await client.run('apply', { fn: () => 1, args: [] }, { id: 'test:77' })).reply.status, 'aborted');
    assert.is((await client.apply(() => typeof counter)).value, 'undefined');
  }));

test('a task that comes twice runs once', () =>
  withEngine(async (client) => {
    const fn = () => {
      const owner = globalThis as { runs?: number };
      owner.runs = (owner.runs ?? 0) + 1;
      return owner.runs;
    };
    assert.is((await client.run('apply', { fn, args: [] }, { id: 'test:x' })).value, 1);
    assert.is((await client.run('apply', { fn, args: [] }, { id: 'test:x' })).value, 1);
    const refused = await client.run('apply', { fn, args: [] }, { to: 'somebody else' });
    assert.is(refused.reply.status, 'refused');
  }));

test('what is no message is logged and dropped on both sockets', () =>
  withEngine(async (client, engine) => {
    for (const link of [client.tasks, client.control]) {
      await link.send([Buffer.from('not json')]);
      await link.send([Buffer.from('{"v":1,"type":"task","id":5}')]);
      await link.send([Buffer.alloc(0), Buffer.from([1, 2, 3])]);
    }
    assert.ok((await client.ask({ type: 'ping' })).ok);
    assert.is((await client.apply(() => 2)).value, 2);
    assert.match(engine.stderr(), /dropped/);
  }));

test('the sender of what is no message is told, with the id where it can be read', () =>
  withEngine(async (client) => {
    await client.tasks.send([Buffer.from('{"v":1,"type":"task","id":"c:7"}')]);
    await client.tasks.send([Buffer.from('not json')]);
    await client.apply(() => 2);
    assert.equal(
      client.dropped.map(({ id }) => id),
      ['c:7', undefined],
    );
    assert.ok(client.dropped.every(({ reason }) => reason.length > 0));
  }));

test('errors after a task has ended are logged and do not end the engine', () =>
  withEngine(async (client, engine) => {
    await client.apply(() => {
      setTimeout(() => {
        throw new Error('late one');
      }, 1);
      void Promise.reject(new Error('late two'));
    });
    await waitFor(() => /late (one|two)/.test(engine.stderr()), 'a line of an error');
    assert.is((await client.apply(() => 3)).value, 3);
  }));

test('an exception in a callback, or a rejection that nobody handles, fails the task that runs', () =>
  withEngine(async (client, engine) => {
    const timer = () =>
      new Promise(() => {
        setTimeout(() => {
          throw new RangeError('in a timer');
        }, 5);
      });
    const listener = async () => {
      const { EventEmitter } = await import('node:events');
      setImmediate(() => new EventEmitter().emit('error', new RangeError('in a timer')));
      await new Promise(() => {});
    };
    const forgotten = async () => {
      void (async () => {
        throw new RangeError('in a timer');
      })();
      return 1;
    };
    const code = "await new Promise(() => setTimeout(() => { throw new RangeError('in a timer') }, 5))";
    const runs = [
      () => client.apply(timer),
      () => client.apply(listener),
      () => client.apply(forgotten),
      () => client.run('map', { fn: timer, sequences: [[1, 2]] }),
      () => client.run('execute', { code }),
    ];
    for (const run of runs) {
      const { reply } = await run();
      assert.equal([reply.error?.name, reply.error?.message], ['RangeError', 'in a timer']);
      assert.is((await client.apply(async () => 1)).value, 1);
    }
    assert.not.match(engine.stderr(), /in a timer/);
  }));

test('what a finished task leaves unhandled fails no other task of the same turn, and is reported with its stack', () =>
  withEngine(async (client, engine) => {
    const left = client.apply(() => {
      // In the turn of the task itself it would fail the task.
      setImmediate(() => void Promise.reject(new Error('left behind')));
      return 1;
    });
    const next = client.apply(() => new Promise((resolve) => setTimeout(() => resolve(2), 50)));
    assert.is((await left).value, 1);
    assert.is((await next).value, 2);
    assert.match(engine.stderr(), /^unhandled: a rejection that nobody handles: Error: left behind\nunhandled: {5}at /);
  }));

test('an error of any size ends its task, and the engine goes on', () =>
  withEngine(async (client) => {
    const failures: [() => unknown, RegExp][] = [
      [() => Promise.reject(new Error('x'.repeat(5e6))), /^x+\n… \(\d+ characters are missing\)$/],
      [
        () => {
          throw new Error('\0'.repeat(5e6));
        },
        /characters are missing/,
      ],
      [
        () => {
          throw 'x'.repeat(1e7);
        },
        /^thrown: x+\n… /,
      ],
      [
        () => {
          throw Object.assign(new Error('m'), { name: 'n'.repeat(5e6), code: 'c'.repeat(5e6) });
        },
        /^m$/,
      ],
      [
        () => {
          let cause: unknown;
          for (let i = 0; i < 30; i++) cause = new Error('c'.repeat(1e6), { cause });
          throw cause;
        },
        /^c+\n… /,
      ],
      [
        () => {
          throw new Proxy(new Error('m'), {
            get() {
              throw new Error('hostile');
            },
          });
        },
        /cannot be read/,
      ],
    ];
    for (const [fn, message] of failures) {
      const { reply } = await client.apply(fn);
      assert.is(reply.status, 'error');
      assert.match(reply.error?.message ?? '', message);
      assert.is((await client.apply(() => 1)).value, 1);
    }
    const { reply } = await client.run('execute', {
      code: "console.log('y'.repeat(9e6)); throw new Error('x'.repeat(6e6))",
    });
    assert.match(reply.error?.message ?? '', /characters are missing/);
    assert.is((await client.apply(() => 2)).value, 2);
  }));

test('output of any length ends with the task: the reply has its end, the live stream all of it', () =>
  withEngine(async (client) => {
    const { reply, value } = await client.apply(() => {
      console.log('\x1b'.repeat(10e6));
      console.error('x'.repeat(10e6));
      console.error('the result');
      return 3;
    });
    assert.is(value, 3);
    assert.match(reply.metadata.stdout, /^… \(\d+ characters of output before this are missing\)\n/);
    assert.match(reply.metadata.stderr, /^… \(\d+ characters of output before this are missing\)\nx+\nthe result\n$/);
    const live = client.outputs.reduce((sum, { text = '' }) => sum + text.length, 0);
    assert.is(live, 20e6 + 2 + 'the result\n'.length);
    assert.is((await client.apply(() => 4)).value, 4);
  }));

test('user values may have the names of what the engine itself uses', () =>
  withEngine(async (client) => {
    const names = [
      'engine',
      'id',
      'process',
      'performance',
      'setImmediate',
      'setTimeout',
      'Date',
      'console',
      'tf',
      'sum',
    ];
    await client.run('push', { names, values: names });
    assert.equal((await client.run('pull', { names })).value, names);
    await client.run('execute', { code: 'let { display, range } = { display: 1, range: 2 }' });
    const slow = new Ref('(() => new Promise((resolve) => queueMicrotask(() => resolve(range))))');
    assert.is((await client.run('apply', { fn: slow, args: [] })).value, 2);
    assert.ok((await client.run('memory', {})).reply.status === 'ok');
    await client.run('clear', {});
    assert.is((await client.apply(() => typeof process.pid)).value, 'number');
  }));

test('a signal for no task is ignored', () =>
  withEngine(async (client, engine) => {
    await client.apply(() => 1);
    for (let n = 0; n < 3; n++) {
      engine.child.kill('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.is((await client.apply(() => 2)).value, 2);
  }));

test('a loop is interrupted also right after signals that no task took', () =>
  withEngine(async (client, engine) => {
    const fn = () => {
      for (;;) {}
    };
    for (let n = 0; n < 10; n++) {
      for (let i = 0; i < n; i++) engine.child.kill('SIGINT');
      // Such a signal may come late enough to end the loop itself.
      const { answer } = client.send('apply', { fn, args: [] });
      let over = false;
      void answer.then(() => {
        over = true;
      });
      for (; !over; await new Promise((resolve) => setTimeout(resolve, 5))) await client.ask({ type: 'interrupt' });
      assert.is((await answer).reply.error?.name, 'TaskInterrupted');
    }
  }));

test('process.exit(7) ends the engine with 7 and leaves no file', () =>
  withEngine(async (client, engine, controller) => {
    void client.send('apply', { fn: () => process.exit(7), args: [] });
    assert.equal(await engine.exit, [7, null]);
    assert.not.ok(existsSync(engine.folder));
    await waitFor(() => controller.unregistered.length > 0, 'its goodbye');
    assert.equal(controller.unregistered, [client.record.uuid]);
  }));

for (const [how, end] of [
  ['the end of stdin', (e: ReturnType<typeof spawnEngine>) => e.child.stdin?.end()],
  ['SIGTERM', (e: ReturnType<typeof spawnEngine>) => e.child.kill('SIGTERM')],
] as const) {
  test(`${how} ends the engine cleanly and leaves no file`, () =>
    withEngine(async (client, engine, controller) => {
      end(engine);
      assert.equal(await engine.exit, [0, null]);
      assert.not.ok(existsSync(engine.folder));
      // It left before the process did, but this process may not have read it.
      await waitFor(() => controller.unregistered.length > 0, 'its goodbye');
      assert.equal(controller.unregistered, [client.record.uuid]);
    }));
}

test('the end of stdin ends an engine in an endless loop', () =>
  withEngine(async (client, engine) => {
    const busy = client.send('apply', {
      fn: () => {
        for (;;) {}
      },
      args: [],
    });
    while (((await client.ask({ type: 'status' })).value as EngineStatus).running !== busy.id);
    engine.child.stdin?.end();
    assert.equal(await engine.exit, [0, null]);
    assert.not.ok(existsSync(engine.folder));
  }));

test('a result that nobody collects is dropped by age, and its task does not run again', () =>
  withEngine(
    async (client) => {
      const count = () => {
        const space = globalThis as { runs?: number };
        space.runs = (space.runs ?? 0) + 1;
        return space.runs;
      };
      const { reply } = await client.apply(count);
      // The same task again, as of a client that comes back: answered from what is kept, until that is too old.
      let again = await client.run('apply', { fn: count, args: [] }, { id: reply.id });
      while (again.reply.status === 'ok') again = await client.run('apply', { fn: count, args: [] }, { id: reply.id });
      const { name, message } = again.reply.error as { name: string; message: string };
      assert.is(name, 'ResultLost');
      assert.match(message, /no longer kept: it was dropped: nobody collected it within 0\.2 s/);
      assert.is((await client.apply(count)).value, 2);
    },
    { outboxAge: 200 },
  ));

test('an engine whose controller has gone ends after deathTimeout', () =>
  withEngine(
    async (_, engine, controller) => {
      controller.vanish();
      assert.equal(await engine.exit, [1, null]);
    },
    { deathTimeout: 300 },
  ));

test.run();
