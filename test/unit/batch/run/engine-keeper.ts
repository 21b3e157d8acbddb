import * as assert from 'uvu/assert';
import { EngineKeeper, type EngineKeeperClient } from '../../../../src/batch/run/engine-keeper.ts';
import type { ClientEvent } from '../../../../src/client/links/engine-links.ts';
import { ClusterError } from '../../../../src/errors.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('batch/run/engine-keeper');

/** A client whose engines die by command; `starts`: can they be started again? */
class FakeClient implements EngineKeeperClient {
  length: number;
  readonly restarts: number[] = [];
  readonly #starts: boolean;
  #listener: (event: ClientEvent) => void = () => {};

  constructor(length: number, starts: boolean) {
    this.length = length;
    this.#starts = starts;
  }

  onEvent(listener: (event: ClientEvent) => void): () => void {
    this.#listener = listener;
    return () => {};
  }

  async restart(id: number): Promise<void> {
    this.restarts.push(id);
    // The books of the cluster say it once more.
    this.#listener({ type: 'engine-down', id, uuid: 'x', reason: 'was restarted' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (!this.#starts) throw new ClusterError('no slot\nand more lines');
    this.length++;
  }

  async waitForEngines(_: number, { timeout = 0 } = {}): Promise<void> {
    const end = Date.now() + timeout;
    while (this.length === 0) {
      if (Date.now() > end) throw new Error('late');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  die(id: number, replaced?: boolean): void {
    this.length--;
    this.#listener({ type: 'engine-down', id, uuid: 'x', reason: 'was killed by SIGKILL', replaced });
  }
}

test('an engine that dies is started again, once per death', async () => {
  const rc = new FakeClient(1, true);
  const keeper = new EngineKeeper(rc, 100);
  rc.die(3);
  await keeper.ready();
  assert.equal([rc.restarts, rc.length, keeper.restarted], [[3], 1, 1]);
  await keeper.close();
});

test('an engine that the cluster replaces is only waited for', async () => {
  const rc = new FakeClient(1, true);
  const keeper = new EngineKeeper(rc, 100);
  rc.die(0, true);
  setTimeout(() => rc.length++, 10);
  await keeper.ready();
  assert.equal(rc.restarts, []);
  await keeper.close();
});

test('when no engine can be had: one sentence, with the reason', async () => {
  const rc = new FakeClient(1, false);
  const keeper = new EngineKeeper(rc, 20);
  rc.die(0);
  const wanted = /^no engine is left: engine 0 was killed by SIGKILL, and could not be started again: no slot$/;
  await rejects(() => keeper.ready(), ClusterError, wanted);
});

test.run();
