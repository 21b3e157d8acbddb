// Output for a client that does not read: the engine does not keep all of it.
import * as assert from 'uvu/assert';
import { Identity } from '../../../../engines/identity.ts';
import type { TaskClient } from '../../../../engines/queue/queue-event.ts';
import { TaskOutput } from '../../../../engines/queue/task-output.ts';
import { TaskQueue } from '../../../../engines/queue/task-queue.ts';
import type { OutputMessage } from '../../../../src/protocol/messages.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/queue/task-output');

test('over 256 MiB that wait for the client live text is left out, and a value is an error of the task', () => {
  const sent: string[] = [];
  const client = {
    pendingBytes: 0,
    send: async ({ stream, text }: OutputMessage) => {
      sent.push(`${stream} ${text}`);
    },
  };
  const queue = new TaskQueue<TaskClient>({ identity: new Identity('me') });
  queue.arrive({ type: 'task', id: 'c:1', to: 'me', method: 'apply', label: 'a' }, [], client as TaskClient);
  queue.next();
  const output = new TaskOutput(queue);
  output.text('stdout', 'one');
  client.pendingBytes = 256 * 2 ** 20 + 1;
  output.text('stdout', 'two');
  throws(() => output.value('display', { 'text/plain': 'x' }), Error, /display: the client has not read 256 MiB/);
  throws(() => output.value('data', 5), Error, /data: the client has not read 256 MiB/);
  client.pendingBytes = 0;
  output.text('stdout', 'three');
  output.value('data', 5);
  assert.equal(sent, ['stdout one', 'stdout three', 'data undefined']);
});

test('what a task shows or publishes is what it was then', () => {
  const bodies: (readonly Uint8Array[])[] = [];
  const client: TaskClient = {
    send: async (_message, body = []) => void bodies.push(body),
  };
  const queue = new TaskQueue<TaskClient>({ identity: new Identity('me') });
  queue.arrive({ type: 'task', id: 'c:1', to: 'me', method: 'apply', label: 'a' }, [], client);
  queue.next();
  const [output, values] = [new TaskOutput(queue), new Float64Array(100_000).fill(1)];
  output.value('data', { values });
  values.fill(2);
  output.value('display', { values });
  values.fill(3);
  assert.equal(
    bodies.map((body) => new Float64Array((body[1] as Uint8Array).buffer)[99_999]),
    [1, 2],
  );
});

test.run();
