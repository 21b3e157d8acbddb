// Engines that were started and are waited for: enough of them, those that come late, those that never come. No process is started.
import * as assert from 'uvu/assert';
import { Arrivals } from '../../../src/cluster/arrivals.ts';
import { ClusterError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('arrivals');
const WAIT_MS = 30;

/** Waits for engines 0 … n − 1, of which `least` are enough. */
function begin(n: number, least: number, timeout = WAIT_MS) {
  const arrivals = new Arrivals();
  let given: (late: readonly [readonly number[], string]) => void = () => {};
  const late = new Promise<readonly [readonly number[], string]>((resolve) => {
    given = resolve;
  });
  const slots = Array.from({ length: n }, (_, i) => i);
  const enough = arrivals.of(slots, {
    start: async () => {},
    timeout,
    output: (slot) => (slot === 2 ? 'last words' : ''),
    least,
    isPrompt: true,
    onLate: (its, text) => given([its, text]),
  });
  return { arrivals, enough, late };
}

test('those beyond the least come later, each in its time; one that runs and never registers is given up', async () => {
  const { arrivals, enough, late } = begin(4, 2);
  arrivals.running([0, 1]);
  arrivals.up(0);
  arrivals.up(1);
  assert.equal(await enough, [2, 3]);
  arrivals.running([2]); // 3 waits in its queue: no limit
  const [slots, text] = await late;
  assert.equal(slots, [2]);
  assert.match(text, /engine 2 did not register within 30 ms; it wrote:\n {2}\| last words/);
  arrivals.cancel(new Error('the end'));
});

test('one that ends before it registers is not late, too', async () => {
  const { arrivals, enough, late } = begin(3, 1);
  arrivals.running([0]);
  arrivals.up(0);
  assert.equal(await enough, [1, 2]);
  arrivals.running([1, 2]);
  const handle = { slot: 1, pid: 1, output: () => '', fate: () => undefined };
  arrivals.exited({ handle, code: 1, signal: null });
  assert.equal((await late)[0], [2]);
});

test('an engine that the controller refuses ends a start that needs it, with the reason', async () => {
  const { arrivals, enough } = begin(2, 2, 60_000);
  arrivals.running([0, 1]);
  arrivals.up(0);
  arrivals.refused(1, 'its card GPU-1 on h is that of engine 0');
  await rejects(() => enough, ClusterError, /engine 1 was refused: its card GPU-1 on h is that of engine 0/);
});

test.run();
