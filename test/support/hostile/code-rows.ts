// Rows 20, 24 and 25: keys that submit what is not theirs, hostile source, and results that cannot travel.
import * as assert from 'uvu/assert';
import { KeyRefused } from '../../../src/comm/link.ts';
import type { SocketRole } from '../../../src/comm/transport.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import type { Header } from '../../../src/protocol/messages.ts';
import type { FaultRow, Seen } from '../faults/row.ts';
import { timed } from '../faults/scene.ts';
import { all, type Target, target } from './target.ts';

declare const engine: { readonly id: number; recv(from: number, tag: string): Promise<unknown> };

/** That key is not admitted there. */
async function refused(victim: Target, party: 'client' | 'engine', socket: SocketRole, message: Header): Promise<void> {
  const speaker = victim.speak(socket, zeromqTransport({ credentials: victim.keys(party) }));
  speaker.say(message);
  assert.instance(await speaker.ended(), KeyRefused);
  assert.equal(speaker.heard, []);
  await speaker.close();
}

async function foreignVerbs(): Promise<Seen> {
  const victim = await target('tcp');
  const { id: _, ...self } = victim.record;
  const task = { type: 'task', id: 'x:1', to: self.uuid, method: 'apply', label: 'apply' } as const;
  const stop = { type: 'cluster', request: 1, verb: { do: 'stop' } } as const;
  const fake = { ...self, uuid: 'fake', tasks: 'tcp://127.0.0.1:9' };
  await refused(victim, 'engine', 'tasks', task);
  await refused(victim, 'engine', 'control', { type: 'shutdown', id: 1, to: self.uuid });
  await refused(victim, 'engine', 'roster', stop);
  await refused(victim, 'client', 'registry', { type: 'register', engine: fake });
  await refused(victim, 'client', 'registry', { type: 'unregister', uuid: self.uuid });
  await refused(victim, 'client', 'peers', { type: 'mail', from: 1, tag: 'u:x' });
  await onAdmittedSockets();
  await victim.serves();
  return {};
}

// The sockets that admit a key take the verbs of its own side alone; on Unix sockets, too, where there are no keys.
async function onAdmittedSockets(): Promise<void> {
  for (const victim of await all()) {
    const { id: _, ...self } = victim.record;
    const task = { type: 'task', id: 'x:1', to: self.uuid, method: 'apply', label: 'apply' } as const;
    const registry = victim.speak('registry');
    registry.say({ type: 'cluster', request: 1, verb: { do: 'stop' } });
    registry.say({ type: 'register', engine: { ...self, tasks: 'tcp://127.0.0.1:9' }, proof: 'made up' });
    registry.say({ type: 'unregister', uuid: self.uuid });
    registry.say({ type: 'heartbeat', uuid: 'nobody' });
    await registry.hear('stopping');
    const roster = victim.speak('roster');
    roster.say({ type: 'register', engine: { ...self, uuid: 'fake' } });
    roster.say({ type: 'hello', client: 'c' });
    const { engines } = await roster.hear('roster');
    assert.equal(
      engines.map(({ tasks }) => tasks),
      [self.tasks],
    );
    const peers = victim.speak('peers');
    await victim.rc.view(0).apply(() => void Object.assign(globalThis, { ran: 'no' }));
    peers.say(task, { fn: () => Object.assign(globalThis, { ran: 'yes' }), args: [] });
    peers.say({ type: 'mail', from: 0, tag: 'u:after' }, 'mail arrives');
    assert.is(await victim.rc.view(0).apply(() => engine.recv(0, 'after')), 'mail arrives');
    assert.is(await victim.rc.view(0).apply(() => (globalThis as { ran?: string }).ran), 'no');
    await Promise.all([registry, roster, peers].map((speaker) => speaker.close()));
    await victim.rc.view(0).clear();
  }
}

/** Source that the engine must outlive. */
const SOURCES: readonly (readonly [code: string, error: RegExp])[] = [
  ['}{', /SyntaxError/],
  [`'${'x'.repeat(5e6)}'.length + nothing`, /nothing is not defined/],
  ['while (true) {}', /took longer|ran longer|TaskTimeout/],
  ['(async () => { for (;;) await null; })()', /ran longer|TaskTimeout/],
  ['throw null', /null/],
  ['throw new Proxy({}, { get() { throw 1; }, ownKeys() { throw 2; }, getPrototypeOf() { throw 3; } })', /.*/],
  ["throw Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('trap'); } })", /.*/],
  ["throw Object.assign(new Error('boo'), { get stack() { throw 1; }, toString() { throw 2; } })", /.*/],
  ['throw { get then() { throw 1; }, toString: 5 }', /.*/],
];

async function sources(): Promise<Seen> {
  const victim = await target('unix');
  const { uuid } = victim.record;
  const e0 = victim.rc.view(0);
  for (const [code, error] of SOURCES) {
    // A time limit for the endless ones alone: V8 takes its time to read 5 MB on a loaded machine.
    const limited = code.startsWith('while') || code.startsWith('(async') ? e0.with({ runTimeout: 300 }) : e0;
    const { end } = await timed(limited.execute(code).get());
    assert.instance(end, Error, code.slice(0, 60));
    assert.match(String(end), error);
    await e0.apply(() => 1);
  }
  // The endless chain of microtasks cannot be broken inside of V8: its engine is replaced.
  await victim.rc.waitForEngines(1);
  victim.renewed();
  return { note: victim.record.uuid === uuid ? 'the engine stays' : 'the endless microtasks cost their engine' };
}

/** Results that cannot travel. */
const RESULTS: readonly (readonly [fn: () => unknown, error: RegExp])[] = [
  [() => new WeakMap(), /cannot travel|could not be cloned|WeakMap/],
  [() => Symbol('x'), /cannot travel|could not be cloned|Symbol/],
  [() => ({ a: [new Map([[1, Symbol('x')]])] }), /cannot travel|could not be cloned|Symbol/],
  [
    () =>
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('trap');
          },
        },
      ),
    /trap|cannot|could not/,
  ],
  [
    () => ({
      get a() {
        throw new Error('trap');
      },
    }),
    /trap/,
  ],
  [
    () => {
      let a: unknown[] = [];
      for (let n = 0; n < 1e5; n++) a = [a];
      return a;
    },
    /deeper|call stack/,
  ],
  [() => new Float64Array(1e10), /Invalid typed array length|Array buffer allocation|allocation/],
  [() => 'x'.repeat(2 ** 29), /Invalid string length/],
  [() => Math.max, /native code/],
];

async function results(): Promise<Seen> {
  for (const victim of await all()) {
    for (const [fn, error] of RESULTS) {
      const { end } = await timed(victim.rc.view(0).apply(fn).get());
      assert.instance(end, Error, String(fn));
      assert.match((end as Error).message, error);
    }
    const cycle = await victim.rc.view(0).apply(() => {
      const a: { self?: unknown } = {};
      a.self = a;
      return a;
    });
    assert.is(cycle.self, cycle, 'a cycle travels');
    await victim.serves();
  }
  return {};
}

/** Rows 20, 24 and 25. */
export const CODE_ROWS: readonly FaultRow[] = [
  {
    number: 20,
    fault: "an engine's key with verbs of clients, a client's with those of engines",
    expected: 'KeyRefused; where it is admitted, nothing happens',
    run: foreignVerbs,
  },
  {
    number: 24,
    fault: 'source: syntax error, 5 MB, endless loops and microtasks, thrown null, proxies, hostile getters',
    expected: 'an error of the task; process.exit, abort: fault 7',
    run: sources,
  },
  {
    number: 25,
    fault: 'results that cannot travel: WeakMap, symbol, getters, 100,000 levels, 80 GB',
    expected: 'an error of the task; cycles travel',
    run: results,
  },
];
