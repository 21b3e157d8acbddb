// NODE_DEBUG=directview:wire in real engines: all their sockets are traced, and no task takes a line for its own output.
import * as assert from 'uvu/assert';
import { spawnEngine, TestClient, TestController } from '../../support/engine-process.ts';
import { waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('wire trace of engines');
declare const engine: {
  send(rank: number, tag: string, value: unknown): Promise<void>;
  recv(...args: unknown[]): unknown;
};

// This process has read the variable already: only the engines are traced.
process.env['NODE_DEBUG'] = 'directview:wire';
const controller = await new TestController().listen();
const engines = ['one', 'two'].map((name) => spawnEngine(controller, name));
let clients: TestClient[] = [];
let first = engines[0]!;

test.before(async () => {
  const records = await controller.waitFor(2);
  clients = records.map((record) => new TestClient(record));
  first = engines.find(({ child }) => child.pid === records[0]!.pid)!;
});
test.after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  for (const { child } of engines) child.stdin?.end();
  await Promise.all(engines.map(({ exit }) => exit));
  await controller.close();
});

/** Waits for a line in the trace of the engine with id 0. */
async function traces(pattern: RegExp): Promise<void> {
  await waitFor(() => pattern.test(first.stderr()), `${pattern}`);
}

test('the output of a task is its own, and its messages are traced', async () => {
  const { reply } = await clients[0]!.apply(() => console.error('mine'));
  assert.is(reply.metadata.stderr, 'mine\n');
  assert.equal(
    clients[0]!.outputs.map(({ text }) => text),
    ['mine\n'],
  );
  await traces(/<- peer 1 \(tasks\) \{"type":"task",.* \+ \d+ parts?, \d+ bytes$/m);
  await traces(/-> peer 1 \(tasks\) \{"type":"output",.*"text":"mine\\n"/);
  await traces(/-> peer 1 \(tasks\) \{"type":"reply",/);
});

test('the control thread and its link to the controller are traced', async () => {
  await clients[0]!.ask({ type: 'ping' });
  await traces(/<- peer 1 \(control\) \{.*"type":"ping"/);
  await traces(/-> peer 1 \(control\) \{"type":"control-reply",/);
  await traces(/-> controller \(registry\) \{"type":"register",/);
  await traces(/<- controller \(registry\) \{"type":"registered",/);
});

test('messages to peers are traced', async () => {
  const [sent, received] = await Promise.all([
    clients[0]!.run('apply', { fn: () => engine.send(1, 'x', new Float64Array(1000)), args: [] }, { roster: 2 }),
    clients[1]!.run('apply', { fn: async () => engine.recv(0, 'x'), args: [] }, { roster: 2 }),
  ]);
  assert.is(sent.reply.status, 'ok', JSON.stringify(sent.reply.error));
  assert.equal(received.value, new Float64Array(1000));
  await traces(/<- controller \(registry\) \{"type":"roster",/);
  await traces(/-> engine 1 \(peers\) \{"type":"mail",.* \+ 2 parts, 8\d\d\d bytes$/m);
});

test.run();
