// The members that users see: each is listed here, and has a docstring. `protected` and `private` hide nothing at run time.
import * as directview from 'directview';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { ExecuteReply } from '../../../src/client/results/execute-reply.ts';
import type { Transport } from '../../../src/comm/transport.ts';
import { encodeMessage } from '../../../src/protocol/header-codec.ts';
import { tensor } from '../../../src/tensor/convert.ts';
import { declaredMembers, type Member, membersIn, runtimeMembers } from '../../support/architecture/members.ts';
import { fakeResult, fakeTask } from '../../support/fake-tasks.ts';
import { suite } from '../../support/suite.ts';

const test = suite('client/public-members');

/** Where a class stands, and its members in the order of the alphabet. */
const CLASSES: Readonly<Record<string, readonly [path: string, members: string]>> = {
  Client: [
    'src/client/client.ts',
    `[Symbol.asyncDispose] [Symbol.iterator] [inspect.custom] abort addEngines broadcast clear close engine engines
    executor getResult history ids interrupt length loadBalanced metadata onEvent outstanding probe purge queueStatus
    recentTasks restart results scaleCluster shutdown Client.connect status stopCluster uuid view wait waitForEngines waitInteractive`,
  ],
  DirectView: [
    'src/client/direct-view.ts',
    `[inspect.custom] abort apply clear combineKernels execute gather getResult history ids importModule interrupt kernel
    kernelMap length map memory ns outstanding parallel profile pull purge push px queueStatus remote run scatter shutdown targets toString wait with`,
  ],
  LoadBalancedView: [
    'src/client/load-balanced/balanced-view.ts',
    '[inspect.custom] abort apply depend ids imap length map outstanding require targets toString with',
  ],
  AsyncResult: [
    'src/client/results/async-result.ts',
    `[Symbol.asyncIterator] [Symbol.for('Jupyter.display')] [inspect.custom] abort asReady byEngine catch data
    displayOutputs elapsed engineId finally get isSingle label length metadata msgIds outputs
    failed progress progressEvents ready sent serialTime split AsyncResult.join stderr stdout streamOutput successful tasks then wait
    waitInteractive wallTime`,
  ],
  ExecuteReply: [
    'src/client/results/execute-reply.ts',
    '[inspect.custom] executeResult executionCount stderr stdout text',
  ],
  ItemStream: [
    'src/client/load-balanced/item-stream.ts',
    '[Symbol.asyncDispose] [Symbol.asyncIterator] cancel next outstanding return',
  ],
  Dependency: ['src/client/load-balanced/dependency.ts', 'all failure ids jobs success'],
  Executor: ['src/client/executor.ts', '[Symbol.asyncDispose] close completed map queueSize run submit view'],
  Profile: ['src/client/results/profiles/profile.ts', '[inspect.custom] engines save value'],
  Cluster: [
    'src/cluster/cluster.ts',
    '[Symbol.asyncDispose] adapt add connect dashboard engines file info logs name report restart scale shutdown signal Cluster.list Cluster.start stop',
  ],
  Tensor: [
    'src/tensor/tensor.ts',
    `[Symbol.for('Jupyter.display')] [Symbol.iterator] [inspect.custom] allClose argMax argMin astype at byteLength data
    dtype equals length map max mean min rank reshape rows shape size slice sum take toJSON toNested toString toTF
    transpose`,
  ],
};

/** Members of the language, whose meaning is fixed. */
const OF_THE_LANGUAGE = ['[Symbol.asyncDispose]', '[Symbol.asyncIterator]', '[inspect.custom]', 'toString'];

const sorted = (names: Iterable<string>) => [...new Set(names)].sort();
const listed = (name: string) => sorted((CLASSES[name] as readonly string[])[1]?.split(/\s+(?!'|\))/) ?? []);

/** Members without a docstring that users have to guess the meaning of. */
const undocumented = (members: readonly Member[]) =>
  members.flatMap(({ name, isDocumented }) => (isDocumented || OF_THE_LANGUAGE.includes(name) ? [] : [name]));

/** A transport without a cluster behind it: the controller knows no engines. */
const nobody: Transport = {
  connect: (_endpoint, handlers) => {
    const link: ReturnType<Transport['connect']> = {
      pendingBytes: 0,
      drained: async () => {},
      send: async () => handlers.onMessage(encodeMessage({ type: 'roster', engines: [], version: 1 }).slice(), link),
      close: async () => {},
    };
    return link;
  },
  listen: () => Promise.reject(new Error('nobody listens')),
};

/** One object of each class that needs no engine. */
async function objects(): Promise<Map<string, object>> {
  const rc = await Client.connect({ controller: 'memory://x', clusterId: 'x' }, { transport: nobody });
  const lview = rc.loadBalanced();
  const all: object[] = [rc, rc.view('all'), lview, rc.executor(), lview.imap(() => 1, []), fakeResult([fakeTask(0)])];
  all.push(
    new ExecuteReply(fakeTask(0)),
    new directview.Dependency([]),
    tensor([1]),
    new directview.Profile('f', 1, new Map()),
  );
  await rc.close();
  return new Map(all.map((object) => [object.constructor.name, object]));
}

const exported = Object.entries(directview).flatMap(([name, value]) => {
  const isClass = typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
  return isClass && !(value.prototype instanceof Error) ? [name] : [];
});

test('every class of the package is listed', () => assert.equal(exported.sort(), Object.keys(CLASSES).sort()));

for (const [name, [path]] of Object.entries(CLASSES)) {
  test(`${name}: what it declares is listed and documented`, () => {
    const members = declaredMembers(path, name);
    assert.equal(
      members.map((member) => member.name).filter((member) => !listed(name).includes(member)),
      [],
    );
    assert.equal(undocumented(members), []);
  });
}

test('objects have the listed members, and no others', async () => {
  const found = await objects();
  for (const [name, object] of found) assert.equal(sorted(runtimeMembers(object)), listed(name), name);
  // A cluster has processes: its source has to do.
  assert.equal(
    exported.filter((name) => !found.has(name)),
    ['Cluster'],
  );
  const [path] = CLASSES.Cluster as readonly [string, string];
  assert.equal(sorted(declaredMembers(path, 'Cluster').map(({ name }) => name)), listed('Cluster'));
});

test('catches: members by any keyword but #, statics, symbols, overloads and parameter properties', () => {
  const text = `class A {
    static make() {}
    protected half = 1;
    private old(): void {}
    #own = 2;
    declare typed: number;
    /** Documented once. */
    over(a: 1): void;
    over(a: 2): void;
    [Symbol.iterator]() {}
    constructor(readonly given: number) {}
  }`;
  const members = membersIn(text, 'A');
  assert.equal(sorted(members.map(({ name }) => name)), [
    'A.make',
    '[Symbol.iterator]',
    'given',
    'half',
    'old',
    'over',
  ]);
  assert.equal(sorted(undocumented(members)), ['A.make', '[Symbol.iterator]', 'given', 'half', 'old']);
  class Parent {
    static made = 1;
    half(): number {
      return this.#own;
    }
    readonly #own = 1;
  }
  class Child extends Parent {
    mine = 1;
    [Symbol.iterator](): void {}
  }
  assert.equal(sorted(runtimeMembers(new Child())), ['[Symbol.iterator]', 'half', 'mine']);
  assert.equal(sorted(runtimeMembers(new Parent())), ['Parent.made', 'half']);
});

test.run();
