// A client by hand that says it is another one, or touches another one's tasks: engines and the controller go by the proof
// of its name, not by what its messages say.
import { hostname } from 'node:os';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import { newClientProof } from '../../../src/protocol/client-name.ts';
import type { ControlReply, ControlVerb } from '../../../src/protocol/messages/control.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import type { TaskMessage } from '../../../src/protocol/messages.ts';
import { rejects } from '../../support/assert.ts';
import { ChaosTransport } from '../../support/chaos/chaos-proxy.ts';
import { type Rig, sleep, startRig, untilRunning } from '../../support/cluster.ts';
import { Speaker } from '../../support/hostile/speaker.ts';
import { suite } from '../../support/suite.ts';

const test = suite('hostile/liars');
const [STOLEN, OWN, NONE] = ['the stolen name', 'its own name', 'no name'];
let rig: Rig;
let record: EngineRecord;

test.before(async () => {
  rig = await startRig(1);
  record = rig.rc.engine(0) as EngineRecord;
});
test.after(() => rig.stop());

/** A liar for each way to say who it is: it knows the victim's name, not its secret. */
const WAYS = [STOLEN, OWN, NONE];

function liar(socket: 'tasks' | 'control', way: string, endpoint = record[socket]): Speaker {
  const speaker = new Speaker(endpoint, socket);
  const own = newClientProof();
  if (way === STOLEN) speaker.say({ type: 'hello', client: rig.rc.uuid, secret: own.secret });
  if (way === OWN) speaker.say({ type: 'hello', ...own });
  return speaker;
}

let asked = 0;
async function ask(speaker: Speaker, verb: ControlVerb): Promise<ControlReply> {
  const id = ++asked;
  speaker.say({ ...verb, id, to: record.uuid });
  return speaker.hear('control-reply', (reply) => reply.id === id);
}

const task = (id: string, more: Partial<TaskMessage> = {}): TaskMessage => ({
  type: 'task',
  id,
  to: record.uuid,
  method: 'apply',
  label: 'apply',
  ...more,
});

/** With a running task of the victim, and one that waits behind it: both end as if nobody had touched them. */
async function untouched(run: (running: string, waiting: string) => Promise<void>): Promise<void> {
  const running = rig.e0.apply(() => new Promise(() => {}));
  const waiting = rig.e0.apply(() => 'ran');
  await untilRunning(rig.rc, [0]);
  try {
    await run(running.msgIds[0] as string, waiting.msgIds[0] as string);
    assert.equal([running.ready, waiting.ready], [false, false]);
  } finally {
    await rig.rc.interrupt(0);
  }
  await assertFails(running, /interrupt/i);
  assert.is(await waiting, 'ran');
}

async function assertFails(call: PromiseLike<unknown>, message: RegExp): Promise<void> {
  const end = await Promise.resolve(call).then(String, String);
  assert.match(end, message);
}

for (const way of WAYS)
  test(`with ${way}: it neither aborts, interrupts, drops nor purges what is another client's`, async () => {
    const done = rig.e0.apply(() => 7);
    assert.is(await done, 7);
    const speaker = liar('control', way);
    const client = rig.rc.uuid;
    await untouched(async (running, waiting) => {
      for (const verb of [
        { type: 'abort', ids: [waiting] },
        { type: 'abort', ids: ['x:1', waiting] },
        { type: 'abort', ids: [`${client}:999`] },
        { type: 'interrupt', ids: [running] },
        { type: 'interrupt', client },
        { type: 'interrupt', drop: [waiting] },
        { type: 'purge', ids: done.msgIds },
        { type: 'purge', client },
      ] satisfies ControlVerb[]) {
        const { ok, error } = await ask(speaker, verb);
        assert.is(ok, false, JSON.stringify(verb));
        assert.match(error ?? '', /another client's: .* wants others: true/);
      }
      assert.is((await ask(speaker, { type: 'interrupt' })).value, null, 'it may interrupt nothing');
    });
    await speaker.close();
    assert.ok((await rig.rc.status(0)).get(0)?.outbox.includes(done.msgIds[0] as string));
  });

test('with others: true it is asked otherwise, and does', async () => {
  const running = rig.e0.apply(() => new Promise(() => {}));
  const waiting = rig.e0.apply(() => 'ran');
  await untilRunning(rig.rc, [0]);
  const speaker = liar('control', OWN);
  assert.ok((await ask(speaker, { type: 'abort', ids: waiting.msgIds, others: true })).ok);
  assert.is((await ask(speaker, { type: 'interrupt', others: true })).value, running.msgIds[0]);
  await assertFails(running, /interrupt/i);
  await assertFails(waiting, /abort/i);
  await speaker.close();
});

test('another client of this library does it when asked, and only then', async () => {
  await using other = await rig.cluster.connect();
  await untouched(() => other.interrupt(0));
  const running = rig.e0.apply(() => new Promise(() => {}));
  await untilRunning(rig.rc, [0]);
  await other.interrupt(0, { all: true });
  await assertFails(running, /interrupt/i);
  const done = rig.e0.apply(() => 8);
  assert.is(await done, 8);
  assert.is(await other.getResult(done.msgIds[0] as string), 8);
  await other.purge(done.msgIds[0] as string);
  // The main thread carries it out before the next task starts.
  await rig.e0.apply(() => 0);
  assert.not((await rig.rc.status(0)).get(0)?.outbox.includes(done.msgIds[0] as string));
});

for (const way of WAYS)
  test(`with ${way}: a task under another client's next id is refused, and that id is the owner's`, async () => {
    const last = rig.e0.apply(() => 1);
    await last;
    const [client, n] = [rig.rc.uuid, Number((last.msgIds[0] as string).split(':').at(-1))];
    const speaker = liar('tasks', way);
    const stolen = `${client}:${n + 1}`;
    const key = `${client}.77`;
    speaker.say(task(stolen), { fn: () => 'the thief ran', args: [] });
    assert.match((await speaker.hear('dropped', ({ id }) => id === stolen)).reason, /which this link is not/);
    speaker.say({ type: 'body', id: stolen }, { fn: () => 'the thief ran', args: [] });
    await speaker.hear('dropped', ({ reason }) => reason.includes(stolen));
    speaker.raw([
      Buffer.from(JSON.stringify({ v: 1, type: 'relay', key, chain: [], sizes: [4], part: 0, offset: 0 })),
      Buffer.alloc(4),
    ]);
    await speaker.hear('dropped', ({ reason }) => reason.includes(key));
    speaker.say(task('x:1', { relayed: { key } }));
    await speaker.hear('dropped', ({ id }) => id === 'x:1');
    const next = rig.e0.apply(() => 'the owner ran');
    assert.is(next.msgIds[0], stolen);
    assert.is(await next, 'the owner ran');
    await speaker.close();
  });

test("its own tasks and a nickname's it runs, aborts and interrupts", async () => {
  const proof = newClientProof();
  const tasks = new Speaker(record.tasks, 'tasks');
  tasks.say({ type: 'hello', ...proof });
  const control = new Speaker(record.control, 'control');
  control.say({ type: 'hello', ...proof });
  for (const name of [proof.client, 'nickname']) {
    tasks.say(task(`${name}:0`), { fn: () => new Promise(() => {}), args: [] });
    tasks.say(task(`${name}:1`), { fn: () => 1, args: [] });
    await untilRunning(rig.rc, [0]);
    assert.ok((await ask(control, { type: 'abort', ids: [`${name}:1`] })).ok);
    assert.is((await ask(control, { type: 'interrupt', ids: [`${name}:0`] })).value, `${name}:0`);
    assert.is((await tasks.hear('reply', ({ id }) => id === `${name}:1`)).status, 'aborted');
    assert.is((await tasks.hear('reply', ({ id }) => id === `${name}:0`)).status, 'error');
  }
  await Promise.all([tasks.close(), control.close()]);
});

test('counts and times beyond all bounds are refused before anything starts, or wait as long as can be', async () => {
  await rejects(() => rig.rc.addEngines(1e8), RangeError, /from 1 to 16384/);
  await rejects(() => rig.cluster.add(1e8), RangeError, /at most 16384/);
  await rejects(() => rig.cluster.add(16384), RangeError, /at most 16384 engines: there are 1/);
  await rejects(() => Cluster.start({ engines: 1e8, device: 'cpu' }), RangeError, /at most 16384/);
  await rejects(() => Cluster.start({ threads: 1e8, device: 'cpu' }), RangeError, /at most 4096/);
  const speaker = new Speaker(rig.cluster.info.controller, 'roster');
  for (const [request, n] of [1e8, 2 ** 53 - 1, 0].entries()) {
    speaker.say({ type: 'cluster', request, verb: { do: 'add', n } });
    const { error } = await speaker.hear('cluster-reply', (reply) => reply.request === request);
    assert.match(error ?? '', n === 0 ? /at least 1/ : /at most 16384/);
  }
  await speaker.close();
  assert.equal(rig.rc.ids, [0]);
  const running = rig.e0.with({ runTimeout: 1e12 }).apply(() => new Promise(() => {}));
  await untilRunning(rig.rc, [0]);
  await rig.rc.interrupt(0, { grace: 1e12 });
  await assertFails(running, /interrupt/i);
  assert.is(rig.rc.engine(0)?.uuid, record.uuid, 'a long grace is not a short one');
  assert.is(await rig.e0.apply(() => 5).get({ timeout: 1e12 }), 5);
});

test('one that says at the controller that it is another client, and dies, takes no task of that client with it', async () => {
  // A process that has ended: without the proof, its death would be that of the client.
  const dead = { pid: 2 ** 22 + 1, host: hostname() };
  await untouched(async (running) => {
    const { controller } = rig.cluster.info;
    const network = new ChaosTransport(clusterTransport());
    const speaker = new Speaker(controller, 'roster', network);
    speaker.say({ type: 'hello', client: rig.rc.uuid, secret: newClientProof().secret, ...dead });
    const honest = new Speaker(controller, 'roster', network);
    honest.say({ type: 'hello', client: 'nickname', ...dead });
    await honest.hear('roster');
    const tasks = new Speaker(record.tasks, 'tasks');
    tasks.say(task('nickname:9'), { fn: () => 1, args: [] });
    // The engine has it before it is told of the death: the two come over different links.
    while (!(await rig.rc.status(0)).get(0)?.queue.includes('nickname:9')) await sleep(5);
    network.at(controller).cut();
    await Promise.all([speaker.ended(), honest.ended()]);
    const { error } = await tasks.hear('reply', ({ id }) => id === 'nickname:9');
    assert.match(error?.message ?? '', /its client died/, 'the death of the other one is told');
    assert.equal(speaker.heard, [], 'it is told nothing');
    assert.is((await rig.rc.status(0)).get(0)?.running, running);
    await Promise.all([speaker.close(), honest.close(), tasks.close(), network.close()]);
  });
});

test.run();
