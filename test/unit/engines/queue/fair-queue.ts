// Whose task is next: lines of clients take turns, each line keeps its order, and calls on several engines keep theirs.
import * as assert from 'uvu/assert';
import { FairQueue } from '../../../../engines/queue/fair-queue.ts';
import type { TaskMessage } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('fair queue');

class Scene {
  readonly queue: FairQueue<null>;
  #arrivals = 0;

  constructor(tasksPerTurn = 1) {
    this.queue = new FairQueue(tasksPerTurn);
  }

  add(id: string, call?: number): void {
    const message: TaskMessage = { type: 'task', id, to: 'me', method: 'apply', label: 'apply', call };
    this.queue.add({ message, body: [], client: null, arrival: this.#arrivals++ });
  }

  take(): string | undefined {
    return this.queue.take()?.message.id;
  }

  drain(): string[] {
    const ids: string[] = [];
    for (let id = this.take(); id !== undefined; id = this.take()) ids.push(id);
    return ids;
  }
}

test('one client: first in, first out', () => {
  const scene = new Scene();
  for (const id of ['a:1', 'a:2', 'a:3']) scene.add(id);
  assert.equal(scene.drain(), ['a:1', 'a:2', 'a:3']);
});

test('a flood of one client does not keep another waiting; each keeps its order', () => {
  const scene = new Scene();
  for (let n = 0; n < 1000; n++) scene.add(`a:${n}`);
  assert.is(scene.take(), 'a:0');
  for (const id of ['b:1', 'b:2', 'c:1']) scene.add(id);
  assert.equal(
    [...Array(6)].map(() => scene.take()),
    ['a:1', 'b:1', 'c:1', 'a:2', 'b:2', 'a:3'],
  );
  assert.is(scene.drain().at(-1), 'a:999');
});

test('calls on several engines keep the order of their arrival, so that no two engines wait for each other', () => {
  const scene = new Scene();
  scene.add('a:1', 7);
  scene.add('a:2', 8);
  scene.add('b:1', 3);
  scene.add('c:1');
  scene.add('b:2');
  assert.equal(scene.drain(), ['a:1', 'c:1', 'a:2', 'b:1', 'b:2']);
});

test('the front stays the front until it leaves; one that is deleted never comes', () => {
  const scene = new Scene();
  scene.add('a:1');
  assert.is(scene.queue.front?.message.id, 'a:1');
  scene.add('b:1');
  assert.is(scene.queue.front?.message.id, 'a:1');
  scene.queue.delete('a:1');
  assert.is(scene.queue.get('a:1'), undefined);
  assert.is(scene.queue.front?.message.id, 'b:1');
  scene.add('b:2');
  scene.queue.delete('b:2');
  assert.equal(scene.drain(), ['b:1']);
  assert.equal(scene.queue.all(), []);
});

test('overtaking is told: the task came later than one that waits', () => {
  const scene = new Scene();
  scene.add('a:1');
  scene.add('a:2');
  scene.add('b:1');
  const overtakes = () => scene.queue.overtakes(scene.queue.front as NonNullable<typeof scene.queue.front>);
  assert.is(overtakes(), false);
  scene.take();
  assert.is(scene.queue.front?.message.id, 'b:1');
  assert.is(overtakes(), true);
});

test('a task that waits alone is found, leaves, and keeps its place when others come', () => {
  const scene = new Scene();
  scene.add('a:1', 7);
  assert.is(scene.queue.get('a:1')?.message.id, 'a:1');
  assert.is(scene.queue.get('a:2'), undefined);
  assert.equal(
    scene.queue.all().map(({ message }) => message.id),
    ['a:1'],
  );
  scene.queue.delete('a:2');
  scene.queue.delete('a:1');
  assert.is(scene.queue.front, undefined);
  scene.add('a:3', 8);
  scene.add('b:1', 3);
  scene.add('a:4');
  assert.equal(scene.drain(), ['a:3', 'b:1', 'a:4']);
  scene.add('c:1');
  assert.equal(scene.drain(), ['c:1']);
  assert.equal(scene.queue.all(), []);
});

test('a task that ran alone does not use up the turn of its client', () => {
  const scene = new Scene(2);
  scene.add('a:1');
  assert.is(scene.take(), 'a:1');
  for (const id of ['a:2', 'a:3', 'a:4', 'b:1']) scene.add(id);
  assert.equal(scene.drain(), ['a:2', 'a:3', 'b:1', 'a:4']);
});

test('a turn may have several tasks', () => {
  const scene = new Scene(2);
  for (const id of ['a:1', 'a:2', 'a:3', 'b:1', 'c:1', 'c:2', 'c:3']) scene.add(id);
  assert.equal(scene.drain(), ['a:1', 'a:2', 'b:1', 'c:1', 'c:2', 'a:3', 'c:3']);
});

test.run();
