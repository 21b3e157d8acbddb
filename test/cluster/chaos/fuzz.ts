// 2,000 damaged inputs, always the same ones, into every socket of an engine and a controller: `npm run fuzz` sends more.
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import { decodeHeader, encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import { ChaosProxy } from '../../support/chaos/chaos-proxy.ts';
import { fuzz, MOST_LEAKED } from '../../support/chaos/fuzzer.ts';
import { until } from '../../support/cluster.ts';
import { Mailbox } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('chaos/fuzz');
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

test(`2,000 damaged inputs: honest calls go on, nothing grows (seed ${SEED})`, async () => {
  const { sockets, grown, leaked } = await fuzz({ inputs: 2000, seed: SEED });
  assert.equal(Object.values(sockets), [400, 400, 400, 400, 400]);
  assert.ok(Math.max(leaked.engine, leaked.controller) <= MOST_LEAKED, JSON.stringify(leaked));
  assert.ok(grown.engine < 64 && grown.controller < 64, JSON.stringify(grown));
});

test('a stranger that registers as three engines over one link is one, and gone when its link is cut', async () => {
  // Nobody is declared dead for silence here: only the end of its link takes a stranger off the roster.
  const cluster = await Cluster.start({ engines: 1, device: 'cpu', vitals: { suspect: 100_000, dead: 200_000 } });
  const registry = cluster.info.controller.replace(/controller$/, 'registry');
  const proxy = ChaosProxy.inFrontOf(registry);
  try {
    const rc = await cluster.connect();
    const { id: _, ...engine } = rc.engine(0) as EngineRecord;
    const box = new Mailbox();
    const link = clusterTransport().connect(registry, box);
    const control = 'unix:///nobody/listens/here';
    for (const uuid of ['x', 'y', 'z']) {
      const message = { type: 'register', engine: { ...engine, uuid, control } } as const;
      void link.send(encodeMessage(message));
    }
    await rc.waitForEngines(2);
    await box.until(4);
    const kinds = box.messages.map((parts) => decodeHeader(parts).type).sort();
    assert.equal(kinds, ['registered', 'roster', 'stopping', 'stopping']);
    assert.equal(
      cluster.engines.map(({ uuid }) => uuid),
      [engine.uuid, 'x'],
    );
    proxy.block();
    await until('the stranger to leave', () => rc.ids.join() === '0', 60_000);
    await link.close();
    proxy.mend();
    assert.is(await rc.view(0).apply(() => 5), 5);
  } finally {
    await proxy.close();
    await cluster.stop();
  }
});

test.run();
