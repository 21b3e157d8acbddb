// One task without a process: what ends within the call, what is awaited, and what an interrupt rejects.
import * as assert from 'uvu/assert';
import { SignalDoor } from '../../../../engines/control/door.ts';
import { Bridge } from '../../../../engines/device/bridge.ts';
import { LazyContext } from '../../../../engines/device/lazy-context.ts';
import { Libraries } from '../../../../engines/device/libraries.ts';
import { Residency } from '../../../../engines/device/residency.ts';
import type { EngineState } from '../../../../engines/engine-state.ts';
import { Identity } from '../../../../engines/identity.ts';
import { Relay } from '../../../../engines/peers/relay.ts';
import { RelayedBodies } from '../../../../engines/peers/relayed-bodies.ts';
import { BuiltInMethods } from '../../../../engines/queue/built-in-methods.ts';
import type { TaskClient, TaskEnd } from '../../../../engines/queue/queue-event.ts';
import { createRevivers } from '../../../../engines/queue/revivers.ts';
import { Runner } from '../../../../engines/queue/runner.ts';
import { PHASE, StatusBoard } from '../../../../engines/queue/status-board.ts';
import { TaskOutput } from '../../../../engines/queue/task-output.ts';
import { TaskQueue } from '../../../../engines/queue/task-queue.ts';
import { Capture } from '../../../../engines/user-code/capture.ts';
import { Evaluator } from '../../../../engines/user-code/evaluate.ts';
import { UserNamespace } from '../../../../engines/user-code/namespace.ts';
import { decodeBody, encodeBody } from '../../../../src/protocol/codec.ts';
import type { TaskMessage } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('runner');
const identity = new Identity('me');
identity.id = 2;
const namespace = new UserNamespace(() => identity.name);
const evaluator = new Evaluator(namespace, () => identity.name);
const context = new LazyContext(namespace);
const libraries = new Libraries({ identity, context, bridge: new Bridge(context), namespace });
const board = new StatusBoard();
const needed: string[] = [];
const client: TaskClient = {
  send: async (message) => {
    needed.push(message.type);
  },
};
const bodies = new RelayedBodies(new Relay(async () => {}));
const state = {
  identity,
  namespace,
  evaluator,
  context,
  residency: new Residency(() => false),
  executionCount: 0,
  provided: { enter: () => {} },
};
const methods = new BuiltInMethods();
const revivers = createRevivers({ evaluator, libraries, methods }, namespace);
const runner = new Runner({
  door: new SignalDoor(board),
  // The verbs of these tests use nothing else of it.
  state: state as unknown as EngineState,
  libraries,
  capture: new Capture(() => {}),
  output: new TaskOutput(new TaskQueue({ identity })),
  board,
  bodies,
  revivers,
  methods,
});
namespace.markBaseline();

const task = (method: TaskMessage['method'], args: unknown, extra: Partial<TaskMessage> = {}) => ({
  message: { type: 'task', id: 'c:1', to: 'me', method, label: method, ...extra } as const,
  body: encodeBody(args),
  client,
});
const apply = (fn: (...args: never[]) => unknown, ...args: unknown[]) => runner.run(task('apply', { fn, args }));
const resultOf = ({ body }: TaskEnd) => decodeBody(body, revivers.shown);

test('a task that awaits nothing ends within the call', () => {
  const end = apply((x: number) => x + 1, 4);
  assert.not.ok(end instanceof Promise);
  assert.is((end as TaskEnd).reply.status, 'ok');
  assert.is(resultOf(end as TaskEnd), 5);
});

test('traps of what was thrown run only where no signal ends the process', () => {
  const phases: number[] = [];
  Object.assign(globalThis, { lookAtPhase: () => phases.push(board.get('phase')) });
  const end = apply(() => {
    const look = (globalThis as unknown as { lookAtPhase: () => void }).lookAtPhase;
    const traps: ProxyHandler<Error> = {};
    for (const trap of ['get', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'has', 'ownKeys'] as const) {
      traps[trap] = (...args: unknown[]) => {
        look();
        return Reflect.apply(Reflect[trap], undefined, args);
      };
    }
    throw new Proxy(new Error('behind a proxy'), traps);
  });
  assert.is((end as TaskEnd).reply.status, 'error');
  assert.ok(phases.length > 0);
  assert.not.ok(phases.includes(PHASE.sync));
});

test('so does one that throws', () => {
  const end = apply(() => {
    throw new TypeError('on purpose');
  });
  assert.not.ok(end instanceof Promise);
  const { status, error } = (end as TaskEnd).reply;
  assert.is(status, 'error');
  assert.is(error?.name, 'TypeError');
});

declare const missing: unknown;
test('a name that is missing is explained', () => {
  const { reply } = apply(() => missing) as TaskEnd;
  assert.match(reply.error?.message ?? '', /^missing is not defined on engine 2: functions travel/);
});

test('user code runs in the phase in which a signal may end it, and only it', () => {
  Object.assign(globalThis, { phaseOfBoard: () => board.get('phase') });
  const end = apply(() => (globalThis as unknown as { phaseOfBoard(): number }).phaseOfBoard()) as TaskEnd;
  assert.is(resultOf(end), PHASE.sync);
  assert.is(board.get('phase'), PHASE.awaiting);
});

test('a promise is awaited, and an error of it is the task’s', async () => {
  assert.is(resultOf(await apply(async () => 6)), 6);
  const { reply } = await apply(() => Promise.reject(new RangeError('late')));
  assert.is(reply.error?.name, 'RangeError');
});

test('an interrupt ends a task that awaits, and nothing of it goes on', async () => {
  const end = apply(() => new Promise(() => {}));
  assert.ok(end instanceof Promise);
  runner.interrupt();
  const { reply } = await end;
  assert.is(reply.error?.name, 'TaskInterrupted');
  assert.is(reply.error?.message, "task 'c:1' on engine 2 was interrupted");
  runner.interrupt();
  assert.is(resultOf((await apply(() => 1)) as TaskEnd), 1);
});

test('a task that is to end fails by that, whatever its blocked call threw', async () => {
  Object.assign(globalThis, { boardOfTest: board });
  const late = () => {
    (globalThis as unknown as { boardOfTest: StatusBoard }).boardOfTest.set('reason', 1);
    throw new Error('Command failed: sleep 100\nand more');
  };
  const { reply } = apply(late) as TaskEnd;
  assert.is(reply.error?.name, 'TaskInterrupted');
  const words = "task 'c:1' on engine 2 was interrupted; it threw Error: Command failed: sleep 100";
  assert.is(reply.error?.message, words);
  const caught = await apply(async () => 5);
  assert.is(caught.reply.error?.name, 'TaskInterrupted');
  board.set('reason', 0);
  assert.is(resultOf((await apply(() => 1)) as TaskEnd), 1);
});

test('a synchronous task that leaves a promise waits for the end of the turn; others do not', async () => {
  const end = apply(() => void Promise.resolve());
  assert.ok(end instanceof Promise);
  assert.is((await end).reply.status, 'ok');
  assert.not.ok(apply(() => [1, 2].map((x) => Math.sqrt(x))) instanceof Promise);
});

test('an error that nobody handled fails its own task, and none after its end', async () => {
  const scope = globalThis as unknown as { failRunner(error: Error): boolean; told: boolean[] };
  Object.assign(globalThis, { failRunner: (error: Error) => runner.fail(error), told: [] });
  const leave = () =>
    void setTimeout(() => {
      const { told, failRunner } = globalThis as unknown as typeof scope;
      told.push(failRunner(new Error('late')));
    });
  await apply(leave);
  const waits = await apply(async () => {
    const { told } = globalThis as unknown as typeof scope;
    while (told.length === 0) await new Promise((go) => setImmediate(go));
    return 'innocent';
  });
  assert.is(resultOf(waits), 'innocent');
  assert.equal(scope.told, [false]);
  const own = await apply(() => {
    const { failRunner } = globalThis as unknown as typeof scope;
    setTimeout(() => failRunner(new Error('own')));
    return new Promise(() => {});
  });
  assert.is(own.reply.error?.message, 'own');
});

test('a body that its chain has lost comes from the client', async () => {
  const { body, message } = task('apply', { fn: (x: number) => 2 * x, args: [4] });
  const end = runner.run({ message: { ...message, relayed: { key: 'k' } }, body: [], client });
  assert.ok(end instanceof Promise);
  for (let i = 0; needed.length === 0; i++) {
    assert.ok(i < 1000, 'the client was not asked');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(needed, ['need']);
  bodies.offer('c:1', body);
  assert.is(resultOf(await end), 8);
});

test('execute counts when it is not silent, and says when its failure takes others with it', async () => {
  const run = async (code: string, silent: boolean) => runner.run(task('execute', { code, silent }));
  assert.is((await run('1 + 1', true)).reply.metadata.executionCount, 0);
  const loud = await run('let q = 2; q + 1', false);
  assert.is(loud.reply.metadata.executionCount, 1);
  assert.equal(resultOf(loud), { executionCount: 1, data: { 'text/plain': '3' } });
  assert.is((await run('nope()', true)).stopsQueue, false);
  assert.is((await run('nope()', false)).stopsQueue, true);
});

test.run();
