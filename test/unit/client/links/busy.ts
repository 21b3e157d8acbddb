// A question that would wait behind a long task ends at once, and says what runs; behind short tasks it waits.
import * as assert from 'uvu/assert';
import { type BusyLinks, endWhereBusy } from '../../../../src/client/links/busy.ts';
import { TaskTimeout } from '../../../../src/errors.ts';
import type { EngineStatus } from '../../../../src/protocol/messages/control.ts';
import { fakeTask } from '../../../support/fake-tasks.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/links/busy');

/** An engine whose control thread gives these answers, one after the other; the last one again and again. */
function engine(...running: (string | null)[]) {
  const verbs: unknown[] = [];
  const status = (task: string | null): EngineStatus => ({
    uuid: 'u',
    pid: 1,
    running: task,
    queue: ['other:1', 'client:0'],
    completed: 0,
    outbox: [],
    rss: 97e6,
  });
  const answer = (verb: { readonly type: string }) => {
    verbs.push(verb);
    const task = running.length > 1 ? running.shift() : running[0];
    return Promise.resolve(verb.type === 'status' ? status(task ?? null) : undefined);
  };
  return { verbs, links: { control: (_: number, verb: { type: string }) => answer(verb) } as unknown as BusyLinks };
}

test('behind the same task twice: the error names it, who waits, and what to do; the task is called off', async () => {
  const { links, verbs } = engine('client:7');
  const task = fakeTask(0);
  endWhereBusy(links, [task], (id) => (id === 'client:7' ? 'apply' : undefined));
  const outcome = await task.done;
  assert.not(outcome.ok);
  const { error } = outcome as { error: Error };
  assert.instance(error, TaskTimeout);
  assert.match(
    error.message,
    /engine 0 is busy: it runs apply, task 'client:7', and 1 more waits; its process has 97 MB/,
  );
  assert.match(error.message, /rc\.status\(\)/);
  assert.equal(verbs.at(-1), { type: 'abort', ids: ['client:0'] });
});

test("another client's task is named as such", async () => {
  const task = fakeTask(0);
  endWhereBusy(engine('stranger:3').links, [task], () => undefined);
  assert.match(String(((await task.done) as { error: Error }).error), /task 'stranger:3' of another client/);
});

test('behind short tasks, and once its own turn has come, it is waited for', async () => {
  const { links, verbs } = engine('a:1', 'a:2', null, 'client:0', 'client:0', 'client:0');
  const task = fakeTask(0);
  endWhereBusy(links, [task], () => 'apply');
  while (verbs.length < 6) await new Promise((go) => setTimeout(go, 10));
  assert.is(task.outcome, undefined);
  task.succeed(1);
  await task.done;
});

test('a task that has ended, and one without an engine that answers, are left alone', async () => {
  const ended = fakeTask(0);
  ended.succeed(1);
  const { links, verbs } = engine('a:1');
  endWhereBusy(links, [ended], () => undefined);
  assert.equal(verbs, []);
  const lost = fakeTask(1);
  const asked = new Promise<void>((resolve) => {
    const control = () => {
      resolve();
      return Promise.reject(new Error('the link is broken'));
    };
    endWhereBusy({ control } as unknown as BusyLinks, [lost], () => undefined);
  });
  await asked;
  await new Promise(setImmediate);
  assert.is(lost.outcome, undefined);
});

test.run();
