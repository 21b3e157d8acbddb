// The driver of NVIDIA cards: its answer, and where that is added to the status of engines.
import { hostname } from 'node:os';
import * as assert from 'uvu/assert';
import { cardsOf, GpuCards } from '../../../../src/client/jobs/gpu-cards.ts';
import type { EngineStatus } from '../../../../src/protocol/messages/control.ts';
import type { EngineRecord } from '../../../../src/protocol/messages/engine-record.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/jobs/gpu-cards');

const TEXT = '0, NVIDIA H200, 37, 1024, 143771\n1, NVIDIA H200, [N/A], 5, 143771\n\n';
const status = (index?: number) =>
  ({
    uuid: 'u',
    pid: 1,
    running: null,
    queue: [],
    completed: 0,
    outbox: [],
    rss: 1,
    ...(index === undefined ? {} : { gpu: { index } }),
  }) as EngineStatus;
const at = (host: string) => () => ({ host }) as EngineRecord;

test('one card a line; what the driver does not know is left out', () => {
  assert.equal(cardsOf(TEXT), [
    { index: 0, name: 'NVIDIA H200', busy: 0.37, used: 2 ** 30, total: 143771 * 2 ** 20 },
    { index: 1, name: 'NVIDIA H200', used: 5 * 2 ** 20, total: 143771 * 2 ** 20 },
  ]);
  assert.equal(cardsOf(''), []);
  assert.equal(cardsOf('No devices were found\n'), []);
});

test('engines on cards of this machine get what the driver tells, others stay as they are', async () => {
  const cards = new GpuCards(async () => TEXT);
  const statuses = new Map([
    [0, status(0)],
    [1, status(1)],
    [2, status()],
    [3, status(9)],
  ]);
  const seen = await cards.addTo(statuses, at(hostname()));
  assert.equal(
    [...seen].map(([, { gpu }]) => [gpu?.index, gpu?.busy]),
    [
      [0, 0.37],
      [1, undefined],
      [undefined, undefined],
      [9, undefined],
    ],
  );
  assert.equal([...(await cards.addTo(statuses, at('elsewhere')))], [...statuses]);
});

test('nobody asks a driver for engines without a card, and a machine without driver is asked once', async () => {
  let asked = 0;
  const cards = new GpuCards(async () => {
    asked++;
    return undefined;
  });
  await cards.addTo(new Map([[0, status()]]), at(hostname()));
  assert.is(asked, 0);
  for (let i = 0; i < 3; i++) {
    const seen = await cards.addTo(new Map([[0, status(0)]]), at(hostname()));
    assert.equal(seen.get(0)?.gpu, { index: 0 });
  }
  assert.is(asked, 1);
  assert.equal(await new GpuCards(() => Promise.reject(new Error('no'))).read(), []);
});

test.run();
