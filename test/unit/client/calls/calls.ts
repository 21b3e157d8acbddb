// How a call on a view becomes tasks: options checked, targets resolved and arguments encoded once, before anything leaves.
import * as assert from 'uvu/assert';
import { Calls } from '../../../../src/client/calls/calls.ts';
import { mapInBlocks } from '../../../../src/client/calls/map.ts';
import { PartSizes } from '../../../../src/client/calls/part-sizes.ts';
import { parallelFunction } from '../../../../src/client/calls/remote-functions.ts';
import { Jobs } from '../../../../src/client/jobs/jobs.ts';
import type { Request } from '../../../../src/client/links/connection.ts';
import type { EngineLinks } from '../../../../src/client/links/engine-links.ts';
import { Task } from '../../../../src/client/links/task.ts';
import type { CallOptions } from '../../../../src/client/options.ts';
import type { Targets } from '../../../../src/client/targets.ts';
import { NoEnginesRegistered, NotSerializableError, RemoteError, TimeoutError } from '../../../../src/errors.ts';
import type { EngineRecord } from '../../../../src/protocol/messages/engine-record.ts';
import type { EngineId } from '../../../../src/protocol/messages.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/calls');

/** Links to engines that never answer by themselves, and what was sent on them. */
class Scene {
  ids = [0, 1, 2];
  /** How often the engines were asked for. */
  asked = 0;
  readonly sent: { readonly engine: EngineId; readonly request: Request; readonly task: Task }[] = [];
  readonly jobs = new Jobs(async () => {});
  readonly partSizes = new PartSizes();

  calls(targets: Targets = 'all', defaults?: CallOptions): Calls<'many'> {
    const { jobs, partSizes } = this;
    return new Calls<'many'>({ links: this.#links(), jobs, partSizes }, targets, defaults);
  }

  #links(): EngineLinks {
    const scene = this;
    return {
      get ids() {
        scene.asked++;
        return [...scene.ids];
      },
      engine: (id: EngineId) => ({ id, uuid: `u${id}` }) as EngineRecord,
      submit: (engine: EngineId, request: Request) => {
        const task = new Task(
          `c:${scene.sent.length}`,
          { id: engine, uuid: `u${engine}` } as EngineRecord,
          request.label,
        );
        scene.sent.push({ engine, request, task });
        return task;
      },
      abort: async () => {},
    } as unknown as EngineLinks;
  }

  end(value: unknown = 1): void {
    for (const { task } of this.sent) task.attempt?.succeed(value);
  }
}

test('one task per engine, known to the client; the engines are asked for once', async () => {
  const scene = new Scene();
  const result = scene.calls().each('pull', 'pull', { names: 'a' });
  assert.is(scene.asked, 1);
  assert.equal(
    scene.sent.map(({ engine }) => engine),
    [0, 1, 2],
  );
  assert.equal(scene.jobs.history, ['c:0', 'c:1', 'c:2']);
  // Encoded once: all requests share the parts.
  assert.is(scene.sent[0]?.request.body, scene.sent[2]?.request.body);
  scene.end(7);
  assert.equal(await result, [7, 7, 7]);
});

test('options of the call go before those of the view; targets of the call before its own', async () => {
  const scene = new Scene();
  const calls = scene.calls([0, 1], { runTimeout: 9, label: 'mine' });
  const result = calls.each('pull', 'pull', { names: 'a' }, { targets: 2, runTimeout: 5 });
  assert.equal(
    scene.sent.map(({ engine, request }) => [engine, request.runTimeout, request.label]),
    [[2, 5, 'mine']],
  );
  scene.end();
  // One target has a bare value, whatever the view.
  assert.is((await result) as unknown, 1);
});

test('a call that cannot be made sends nothing', () => {
  const scene = new Scene();
  const calls = scene.calls();
  throws(() => calls.each('pull', 'pull', { names: 'a' }, { timeuot: 1 } as never), TypeError, /'timeuot'.*targets/);
  throws(() => calls.each('pull', 'pull', { names: 'a' }, { targets: 9 }), RangeError, /No such engine: 9/);
  const third = (i: number) => ({ fn: 'f', args: [i === 2 ? Symbol('s') : i] });
  throws(() => calls.each('apply', 'apply', third), NotSerializableError);
  scene.ids = [];
  throws(() => calls.each('pull', 'pull', { names: 'a' }), NoEnginesRegistered, /<DirectView all>/);
  assert.equal(scene.sent, []);
  assert.equal(scene.jobs.history, []);
});

test('engines without arguments get no task; results have a place each', async () => {
  const scene = new Scene();
  const calls = scene.calls();
  const call = calls.open('gather');
  const places: unknown[] = [];
  const place = (...at: [number, number]) => {
    places.push(at);
    return undefined;
  };
  calls.submit(call, 'pull', (i) => (i === 1 ? undefined : { names: 'a' }), place);
  assert.equal(
    scene.sent.map(({ engine }) => engine),
    [0, 2],
  );
  for (const { request } of scene.sent) request.destination?.(8);
  assert.equal(places, [
    [0, 8],
    [2, 8],
  ]);
});

test('frozen calls keep the engines that were there', () => {
  const scene = new Scene();
  const frozen = scene.calls().frozen();
  const many = scene.calls(1).asMany();
  scene.ids = [0, 1, 2, 3];
  assert.equal(frozen.ids, [0, 1, 2]);
  assert.equal(many.targets, [1]);
  assert.equal(scene.calls().ids, [0, 1, 2, 3]);
});

test('a failure that nobody could await is thrown by the next result, once', async () => {
  const scene = new Scene();
  const calls = scene.calls();
  calls.surfaceLater(calls.each('push', 'push', { names: ['a'], values: [1] }));
  for (const { task } of scene.sent) task.fail(new RemoteError({ ename: 'RangeError', evalue: 'not assigned' }));
  const doubled = parallelFunction(calls, (part: number[]) => part, {})([1, 2, 3]);
  scene.end([1]);
  await rejects(() => doubled, Error, /not assigned/);
  const next = calls.each('pull', 'pull', { names: 'a' });
  scene.end();
  assert.equal(await next, [1, 1, 1]);
});

test('maps and parallel functions take the options of their view', async () => {
  const scene = new Scene();
  const calls = scene.calls([0, 1], { timeout: 5, label: 'mine' });
  const results = [
    mapInBlocks(calls, (x: number) => x, [[1, 2]]),
    parallelFunction(calls, (part: number[]) => part, {})([1, 2]),
    parallelFunction(calls, (part: number[]) => part, { label: 'its own' }).map([1, 2]),
  ];
  assert.equal(
    results.map(({ label }) => label),
    ['mine', 'mine', 'its own'],
  );
  for (const result of results) await rejects(() => result, TimeoutError, /after 5 ms/);
  throws(() => parallelFunction(calls, (x: number) => x, { dits: 'r' } as never), TypeError, /'dits'/);
});

test.run();
