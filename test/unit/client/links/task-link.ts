// Messages that an engine cannot handle, links that break or cannot be opened: two tries, waits between them, and nothing
// that escapes. The engine is one end of a link in memory.
import * as assert from 'uvu/assert';
import { type Kept, TaskLink } from '../../../../src/client/links/task-link.ts';
import { memoryTransport } from '../../../../src/comm/memory.ts';
import type { Link, Transport } from '../../../../src/comm/transport.ts';
import { decodeHeader, encodeMessage } from '../../../../src/protocol/header-codec.ts';
import type { TaskMessage, TasksInbound } from '../../../../src/protocol/messages.ts';
import { openChannel } from '../../../../src/rpc/channel.ts';
import { TASKS } from '../../../../src/rpc/conversations.ts';
import { Backoff } from '../../../../src/util/backoff.ts';
import { waitFor } from '../../../support/links.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('links/task-link');

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

type OnTask = (message: TaskMessage, link: Link) => void;

const reply = (link: Link, id: string) => {
  const metadata = { started: 1, completed: 2, stdout: '', stderr: '' };
  void link.send(encodeMessage({ type: 'reply', id, status: 'ok', metadata }));
};

/** A link to an engine that treats each task as `onTask` says. `open` counts how often it was opened. */
async function scene(
  onTask: OnTask,
  wrap: (transport: Transport) => Transport = (transport) => transport,
  again: () => TasksInbound[] = () => [],
) {
  const transport = memoryTransport();
  const arrived: string[] = [];
  const listener = await transport.listen('memory://*', {
    onMessage: (parts, link) => {
      const message = decodeHeader(parts) as TaskMessage;
      arrived.push(message.id);
      onTask(message, link);
    },
  });
  const kept = new Map<string, Kept>();
  const failed: string[] = [];
  const replied: string[] = [];
  const opened: number[] = [];
  const wrapped = wrap(transport);
  const link = new TaskLink<Kept>({
    kept,
    open: (handlers) => {
      opened.push(performance.now());
      return openChannel(
        { transport: wrapped, endpoint: listener.endpoint, conversation: TASKS },
        'engine 3',
        handlers,
      );
    },
    again,
    message: (message) => {
      if (message.type !== 'reply') return;
      kept.delete(message.id);
      replied.push(message.id);
    },
    unreadable: () => {},
    destination: () => undefined,
    fail: (_, reason) => failed.push(reason),
    sending: () => {},
    backoff: new Backoff({ first: 8, longest: 100 }),
  });
  const send = (id: string) => {
    const message = { type: 'task', id, to: 'u', method: 'apply', label: 'apply' } as const;
    const channel = link.channel;
    if (channel !== undefined) void channel.send(message);
    kept.set(id, { message, body: [], isOut: channel !== undefined, refusals: 0 });
  };
  const close = async () => {
    await link.close();
    await listener.close();
  };
  return { arrived, close, failed, kept, opened, replied, send };
}

const refuse = (link: Link) => void link.close();

test('dropped by id: two tries, an error that says why, and the others go on', async () => {
  const it = await scene(({ id }, link) => {
    if (id === 'c:2') void link.send(encodeMessage({ type: 'dropped', id, reason: 'Map is no constructor' }));
    else reply(link, id);
  });
  for (const id of ['c:1', 'c:2', 'c:3']) it.send(id);
  await waitFor(() => it.failed.length > 0, 'the failure');
  assert.equal(it.failed, ["could not handle the message of task 'c:2' (2 tries): Map is no constructor"]);
  assert.equal(it.replied, ['c:1', 'c:3']);
  assert.is(it.arrived.filter((id) => id === 'c:2').length, 2);
  it.send('c:4');
  await waitFor(() => it.replied.includes('c:4'), 'later work');
  assert.is(it.opened.length, 1);
  await it.close();
});

test('dropped without an id: the guilty one is found by sending one at a time', async () => {
  const it = await scene(({ id }, link) => {
    if (id === 'c:5') void link.send(encodeMessage({ type: 'dropped', reason: 'not json' }));
    else if (id !== 'c:1') reply(link, id);
  });
  for (let n = 1; n <= 8; n++) it.send(`c:${n}`);
  await waitFor(() => it.failed.length > 0, 'the failure');
  assert.match(it.failed[0] as string, /^could not handle the message of task 'c:5' \(2 tries\): not json$/);
  await waitFor(() => it.replied.length >= 6, 'the others');
  assert.equal(new Set(it.replied), new Set(['c:2', 'c:3', 'c:4', 'c:6', 'c:7', 'c:8']));
  assert.equal([...it.kept.keys()], ['c:1'], 'a long task is not blamed');
  it.send('c:9');
  await waitFor(() => it.replied.includes('c:9'), 'later work');
  await it.close();
});

test('a link that is reset by each message is opened with growing waits, and the task fails', async () => {
  const before = timers();
  const it = await scene((_, link) => refuse(link));
  it.send('c:1');
  await waitFor(() => it.failed.length > 0, 'the failure');
  assert.match(it.failed[0] as string, /^could not handle the message of task 'c:1' \(2 tries\)/);
  const tries = it.opened.length;
  assert.ok(tries <= 8, `opened ${tries} times`);
  await waitFor(() => timers() <= before, 'the last timer');
  assert.is(it.opened.length, tries, 'nothing to send, nothing to open');
  await it.close();
});

test('a link that breaks now and then fails nothing', async () => {
  let breaks = 3;
  const it = await scene(({ id }, link) => {
    if (breaks-- > 0) refuse(link);
    else reply(link, id);
  });
  it.send('c:1');
  it.send('c:2');
  await waitFor(() => it.replied.length === 2, 'both replies');
  assert.equal(it.failed, []);
  await it.close();
});

test('a link that cannot be opened is a failed try: no throw, two tries', async () => {
  const it = await scene(
    () => {},
    (transport) => ({
      ...transport,
      connect: () => {
        throw new Error('Address already in use');
      },
    }),
  );
  it.send('c:1');
  it.send('c:2');
  await waitFor(() => it.failed.length === 2, 'the failures');
  assert.equal(it.failed[0], 'cannot be reached (2 tries): Address already in use');
  assert.is(it.opened.length >= 2 && it.opened.length <= 4, true);
  await it.close();
});

test('one failed opening is made good by the next', async () => {
  let failures = 1;
  const it = await scene(
    ({ id }, link) => reply(link, id),
    (transport) => ({
      ...transport,
      connect: (...args) => {
        if (failures-- > 0) throw new Error('Address already in use');
        return transport.connect(...args);
      },
    }),
  );
  it.send('c:1');
  await waitFor(() => it.replied.length === 1, 'the reply');
  assert.equal(it.failed, []);
  await it.close();
});

test('after a loss, what was asked for is asked again, and tasks without a reply come again, once each', async () => {
  let isFirst = true;
  const asked: TasksInbound[] = [{ type: 'fetch', id: 'other:1' }];
  const it = await scene(
    ({ id }, link) => {
      if (isFirst) refuse(link);
      else if (id !== 'other:1') reply(link, id);
      isFirst = false;
    },
    (transport) => transport,
    () => asked,
  );
  for (const id of ['c:1', 'c:2', 'c:3']) it.send(id);
  await waitFor(() => it.replied.length === 3, 'the replies');
  const second = it.arrived.slice(it.arrived.lastIndexOf('other:1'));
  assert.equal(second, ['other:1', 'c:1', 'c:2', 'c:3']);
  await it.close();
});

test.run();
