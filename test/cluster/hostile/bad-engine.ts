// An engine that has gone bad, in a process of its own, on the roster of a real cluster. A client is told, or takes no
// notice: it runs no code of it, keeps no more than its bounds, and goes on; so do its calls on honest engines.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { loadClusterFile } from '../../../src/client/links/cluster-file.ts';
import { loadEngineFile } from '../../../src/cluster/files/engine-file.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import { type Rig, startRig, untilRunning } from '../../support/cluster.ts';
import { EXECUTE_REPLIES, MAP_REPLIES, REPLIES } from '../../support/hostile/replies.ts';
import { Speaker } from '../../support/hostile/speaker.ts';
import { suite } from '../../support/suite.ts';

const test = suite('hostile/bad-engine');
const ENGINE = fileURLToPath(new URL('../../fixtures/hostile-engine.js', import.meta.url));
/** The id of the engine that has gone bad. */
const BAD = 1;
const shared = globalThis as { PWNED?: unknown };
let rig: Rig;
let bad: ChildProcess;
let registry: string;

test.before(async () => {
  rig = await startRig(1);
  const { runDir } = loadClusterFile(rig.cluster.file);
  registry = loadEngineFile(runDir).registry;
  bad = spawn(process.execPath, [ENGINE, registry, runDir], { stdio: ['pipe', 'inherit', 'inherit'] });
  await rig.rc.waitForEngines(2);
});
test.after(async () => {
  bad.stdin?.end();
  await once(bad, 'exit');
  await rig.stop();
});

/** Nothing ran here, nothing is polluted, and the honest engine works. */
async function unharmed(): Promise<void> {
  assert.is(shared.PWNED, undefined);
  assert.is(({} as { polluted?: unknown }).polluted, undefined);
  assert.is(await rig.e0.apply((x: number) => 2 * x, 21), 42);
}

/** Handles a value as a program does that calls nothing in it. */
async function looksAt(value: unknown): Promise<void> {
  await value;
  inspect(value, { depth: 5 });
  if (typeof value === 'object') Object.keys(value ?? {});
}

async function outcome(call: PromiseLike<unknown>): Promise<{ value: unknown } | { error: Error }> {
  return Promise.resolve(call).then(
    async (value) => {
      await looksAt(value);
      return { value };
    },
    (error: Error) => {
      inspect(error);
      String(error);
      return { error };
    },
  );
}

async function ends(call: PromiseLike<unknown>, expected: RegExp | 'value'): Promise<void> {
  const end = await outcome(call);
  if (expected === 'value') assert.ok('value' in end, 'error' in end ? end.error.message : '');
  else if ('error' in end) assert.match(`${end.error.message}\n${inspect(end.error)}`, expected);
  else assert.unreachable(`a value came: ${inspect(end.value)}`);
  await unharmed();
}

const apply = (name: string, more?: unknown) => rig.rc.view(BAD).apply((_: string, __: unknown) => 0, name, more);

for (const { name, expected } of REPLIES)
  if (name !== "replies and output to others' tasks") test(`apply: ${name}`, () => ends(apply(name), expected));
for (const { name, expected } of MAP_REPLIES) {
  test(`map: ${name}`, () =>
    ends(
      rig.rc.view([BAD]).map((x: string) => x, [name, 'b', 'c']),
      expected,
    ));
  test(`balanced map: ${name}`, () =>
    ends(
      rig.rc.loadBalanced([BAD]).map((x: string) => x, [name, 'b', 'c'], { chunkSize: 3 }),
      expected,
    ));
}
for (const { name, expected } of EXECUTE_REPLIES)
  test(`execute: ${name}`, async () => {
    const call = rig.rc.view(BAD).execute(name, { silent: false });
    await ends(
      call.get().then((reply) => reply.text),
      expected,
    );
  });

test("replies to others' tasks change nothing", async () => {
  const mine = rig.e0.apply(() => new Promise((resolve) => setTimeout(() => resolve('mine'), 300)));
  await using other = await rig.cluster.connect();
  const theirs = other.view(0).apply(() => 'theirs');
  await untilRunning(rig.rc, [0]);
  await ends(apply("replies and output to others' tasks", [...mine.msgIds, ...theirs.msgIds]), 'value');
  assert.equal(await Promise.all([mine, theirs]), ['mine', 'theirs']);
  assert.is(mine.stdout, '');
});

test('it is sent a body no more than a few times', async () => {
  const first = apply('requests for the body without end', 'x'.repeat(50_000));
  await first;
  const times = (await apply('how many bodies came for an earlier task', first.msgIds[0])) as number;
  assert.ok(times > 1 && times <= 4, `${times} times`);
});

test('text, displays and data without end are kept up to a bound, the newest', async () => {
  const call = apply('text, displays and data without end');
  assert.is(await call, 'first');
  assert.is(call.stdout, '', 'the reply has the whole text');
  const { outputs, data } = call;
  assert.ok(outputs.length > 0 && outputs.length <= 10_000, `${outputs.length}`);
  assert.ok(Object.keys(data).length <= 10_000);
  assert.is(Object.getPrototypeOf(data), Object.prototype);
});

test('what it tells of itself is a line without control characters, and it takes nobody else’s place', async () => {
  const record = rig.rc.engine(BAD) as EngineRecord;
  for (const text of [record.host, record.device.adapter, record.device.driver]) {
    assert.not.match(text, /\p{Cc}/u);
    assert.ok(text.length <= 500);
  }
  const honest = rig.rc.engine(0) as EngineRecord;
  const { id, ...self } = honest;
  const liar = new Speaker(registry, 'registry');
  liar.say({ type: 'register', engine: { ...self, tasks: record.tasks }, slot: id, proof: 'made up' });
  liar.say({ type: 'unregister', uuid: self.uuid });
  liar.say({ type: 'ended', uuid: self.uuid, proof: 'made up', reason: 'died' });
  liar.say({ type: 'heartbeat', uuid: 'nobody' });
  await liar.hear('stopping');
  await liar.close();
  await using late = await rig.cluster.connect();
  assert.equal(late.ids, [0, BAD]);
  assert.is(late.engine(0)?.tasks, self.tasks);
  await unharmed();
});

test.run();
