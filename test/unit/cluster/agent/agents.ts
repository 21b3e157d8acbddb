// The controller's answers to an agent: what it asks for is answered, until it does not read.
import * as assert from 'uvu/assert';
import { Agents } from '../../../../src/cluster/agent/agents.ts';
import type { Party } from '../../../../src/cluster/roster/followers.ts';
import { decodeHeader } from '../../../../src/protocol/header-codec.ts';
import type { AgentInbound } from '../../../../src/protocol/messages/agent.ts';
import type { RosterOutbound } from '../../../../src/protocol/messages/roster.ts';
import { Channel } from '../../../../src/rpc/channel.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('agents');
const MIB = 2 ** 20;
const site = { host: 'h', pid: 1 };
const hello = { type: 'agent', token: 't', slots: [0, 1], running: [0, 1], site } as const;
const ended = { type: 'agent-ended', token: 't', slot: 0, pid: 5, code: 0, signal: null, output: '' } as const;

/** An agent for two slots. Each message to it counts as 1 MiB that waits. */
class Scene {
  readonly told: string[] = [];
  readonly heard: RosterOutbound[] = [];
  readonly agents = new Agents({
    up: (slots) => this.told.push(`up ${slots}`),
    exit: ({ handle, code }) => this.told.push(`exit ${handle.slot} ${code}`),
    draining: (slots) => this.told.push(`draining ${slots}`),
    fault: (slot, report) => this.told.push(`fault ${slot} ${report}`),
    output: (slot, text) => this.told.push(`output ${slot} ${text}`),
  });
  readonly party: Party;

  constructor() {
    const { heard } = this;
    const send = async (parts: readonly Uint8Array[]): Promise<void> => {
      heard.push(decodeHeader(parts) as RosterOutbound);
    };
    const link = { send, drained: async () => {}, close: async () => {}, pendingBytes: 0 };
    Object.defineProperty(link, 'pendingBytes', { get: () => heard.length * MIB });
    this.party = new Channel<RosterOutbound>(link, 'an agent');
    this.agents.expect('t', [0, 1]);
  }

  says(message: AgentInbound): void {
    this.agents.take(message, this.party);
  }
}

test('an agent of this launch is admitted once; its reports are told once, and answered each time', () => {
  const scene = new Scene();
  scene.says(hello);
  scene.says(hello);
  scene.says({ ...ended, report: 1 });
  scene.says({ ...ended, report: 1 });
  scene.says({ type: 'agent-fault', token: 't', slot: 1, report: 'oh' });
  scene.says({ type: 'agent-fault', token: 't', slot: 7, report: 'not its own' });
  assert.equal(scene.told, ['up 0,1', 'exit 0 0', 'fault 1 oh']);
  const seen = { type: 'agent-seen' } as const;
  assert.equal(scene.heard, [seen, seen, { ...seen, report: 1 }, { ...seen, report: 1 }, { ...seen, refused: true }]);
});

test('the text of an engine is told by its own agent alone', () => {
  const scene = new Scene();
  scene.says({ type: 'agent-output', token: 't', slot: 1, text: 'too early' });
  scene.says(hello);
  scene.says({ type: 'agent-output', token: 't', slot: 1, text: 'said' });
  scene.says({ type: 'agent-output', token: 't', slot: 7, text: 'of another' });
  scene.says({ type: 'agent-output', token: 'other', slot: 1, text: 'of another launch' });
  assert.equal(scene.told, ['up 0,1', 'output 1 said']);
});

test('an agent that has given one place back goes on with the other; one that has none left is told to leave', () => {
  const scene = new Scene();
  scene.says(hello);
  scene.agents.forget([1]);
  scene.says(hello);
  scene.says({ ...ended, slot: 1, report: 1 });
  assert.equal(scene.agents.reachable([0, 1]), [0]);
  assert.equal(scene.told, ['up 0,1']);
  const stop = { type: 'agent-order', order: { do: 'stop', slots: [1], grace: 5000 } } as const;
  const seen = { type: 'agent-seen' } as const;
  assert.equal(scene.heard, [seen, seen, stop, { ...seen, report: 1 }]);
  scene.agents.forget([0]);
  scene.says(hello);
  assert.equal(scene.heard.at(-1), { ...seen, refused: true });
});

test('a place that was given back and asked for again belongs to the new agent; the old one keeps its other engine', () => {
  const scene = new Scene();
  scene.agents.expect('u', [1]);
  scene.says({ ...hello, running: [0] });
  assert.equal(scene.told, ['up 0']);
  assert.equal(scene.agents.reachable([0, 1]), [0]);
});

const signal = { do: 'signal', slots: [0], signal: 'SIGINT' } as const;
const ASKS: readonly [what: string, ask: (scene: Scene) => void][] = [
  ['signs of life', (scene) => scene.says(hello)],
  ['a launch that nobody knows', (scene) => scene.says({ ...hello, token: 'other' })],
  ['reports of ends', (scene) => scene.says({ ...ended, report: 1 })],
  ['reports on slots of others', (scene) => scene.says({ ...ended, slot: 7, report: 1 })],
  ['drainings of slots of others', (scene) => scene.says({ type: 'agent-draining', token: 't', slots: [7] })],
  ['orders to it', (scene) => scene.agents.order([0], () => signal)],
  ['the end of the cluster', (scene) => scene.agents.stopping()],
];

for (const [what, ask] of ASKS) {
  test(`an agent that does not read: no more than 16 MiB wait for it, whatever the cause: ${what}`, () => {
    const scene = new Scene();
    scene.says(hello);
    for (let n = 0; n < 100; n++) ask(scene);
    assert.is(scene.heard.length, 17);
  });
}

test.run();
