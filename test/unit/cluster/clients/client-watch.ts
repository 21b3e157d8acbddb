// Clients whose link broke: dead ones are given up, living ones never.
import { hostname } from 'node:os';
import * as assert from 'uvu/assert';
import { ClientWatch } from '../../../../src/cluster/clients/client-watch.ts';
import { waitFor } from '../../../support/links.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client watch');

function scene(alive: Set<number>) {
  const gone: string[] = [];
  const looks: number[] = [];
  const watch = new ClientWatch({
    onGone: (client) => gone.push(client),
    isAlive: (pid) => {
      looks.push(pid);
      return alive.has(pid);
    },
    interval: 5,
    lease: 40,
  });
  /** Resolves when that process was looked at so many times more. */
  const looked = (pid: number, times: number) => {
    const from = looks.length;
    return waitFor(() => looks.slice(from).filter((one) => one === pid).length >= times, `looks at ${pid}`);
  };
  return { gone, looked, watch };
}

test('a dead process is given up at once, a living one never', async () => {
  const alive = new Set([2]);
  const { gone, looked, watch } = scene(alive);
  watch.lost({ client: 'dead', pid: 1, host: hostname() });
  watch.lost({ client: 'stopped', pid: 2, host: hostname() });
  assert.equal(gone, ['dead']);
  await looked(2, 10);
  assert.equal(gone, ['dead']);
  alive.delete(2);
  await waitFor(() => gone.length === 2, 'the end of the other');
  watch.close();
});

test('of too many whose links broke the oldest is given up', () => {
  const { gone, watch } = scene(new Set([2]));
  for (let n = 0; n < 4098; n++) watch.lost({ client: `c${n}`, pid: 2, host: hostname() });
  assert.equal(gone, ['c0', 'c1']);
  watch.close();
});

test('one that comes back is not watched any more', async () => {
  const alive = new Set([2, 3]);
  const { gone, looked, watch } = scene(alive);
  watch.lost({ client: 'c', pid: 2, host: hostname() });
  watch.lost({ client: 'other', pid: 3, host: hostname() });
  watch.up({ client: 'c', pid: 2, host: hostname() });
  alive.delete(2);
  await looked(3, 3);
  assert.equal(gone, []);
  watch.close();
});

test('on another host, or without a process, a lease decides', async () => {
  const { gone, watch } = scene(new Set());
  watch.lost({ client: 'far', pid: 1, host: 'elsewhere' });
  watch.lost({ client: 'old' });
  assert.equal(gone, []);
  await waitFor(() => gone.length === 2, 'the end of the lease');
  watch.close();
});

test.run();
