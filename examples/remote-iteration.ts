// Remote iteration, after the notebook's exercise: iterate over what an engine has, one item a call, and merge four of them.
import { isDeepStrictEqual } from 'node:util';
import { type Client, Cluster, type DirectView, RemoteError, ref } from 'directview';
import { cell, check, checksPassed } from './support/tour.ts';

declare global {
  /** The list of each engine, by its name there. */
  var data: number[];
}

/** Makes the sorted global `data` of an engine: s, s + step, … with s = 4 − e, step = e + 1, 4 · step items. Runs on engine `e`. */
function makeData(e: number): string {
  const step = e + 1;
  globalThis.data = Array.from({ length: 4 * step }, (_, i) => 4 - e + i * step);
  return 'data';
}

/**
 * The items of an iterable that has `name` on the engine: the iterator lives there, and each item is a call.
 * @throws RemoteError for a name that is not there, or whatever the iterator throws
 */
async function* remoteIterator(view: DirectView<'one'>, name: string): AsyncGenerator<number, void, undefined> {
  const iterator = `iterator_of_${name}`;
  await view.execute(`${iterator} = ${name}[Symbol.iterator]()`);
  try {
    for (;;) {
      const { value, done } = await view.apply((it: Iterator<number>) => it.next(), ref(iterator));
      if (done) return;
      yield value;
    }
  } finally {
    await view.clear([iterator]);
  }
}

/** The same items; a ReferenceError of the engine becomes one of this process. */
async function* localErrors<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  try {
    yield* items;
  } catch (error) {
    if (!(error instanceof RemoteError) || error.ename !== 'ReferenceError') throw error;
    throw new ReferenceError(error.evalue, { cause: error });
  }
}

/** Sorted sequences as one: of each only the next item is known. */
async function* merge(...sources: AsyncIterator<number>[]): AsyncGenerator<number, void, undefined> {
  const heads = await Promise.all(sources.map((source) => source.next()));
  for (;;) {
    let least = -1;
    heads.forEach((head, i) => {
      if (!head.done && (least < 0 || head.value < (heads[least]?.value as number))) least = i;
    });
    const source = sources[least];
    if (source === undefined) return;
    yield heads[least]?.value as number;
    heads[least] = await source.next();
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

const MERGED =
  '1 2 3 4 5 5 5 5 6 7 7 8 9 9 11 11 13 13 14 15 17 17 17 20 21 23 25 26 29 29 32 33 35 37 41 45 49 53 57 61';

async function iterate(rc: Client): Promise<void> {
  cell('data on every engine');
  const names = await Promise.all([...rc].map((view, e) => view.apply(makeData, e)));
  check('the call returns the name', new Set(names).size === 1 && names[0] === 'data');
  const pulled = (await rc[':'].pull('data')) as number[][];
  console.log(pulled.map((list) => `${list[0]}, ${list[1]} … ${list.at(-1)}`));
  check(
    '4, 8, 12 and 16 items',
    isDeepStrictEqual(
      pulled.map((list) => list.length),
      [4, 8, 12, 16],
    ),
  );

  cell('for await (const x of remoteIterator(rc[1], "data"))');
  const items = await collect(remoteIterator(rc[1], 'data'));
  console.log(items.join(' '));
  check('the items of engine 1, in order', isDeepStrictEqual(items, pulled[1]));

  cell('merge of four remote iterators');
  const merged = await collect(merge(...[...rc].map((view) => remoteIterator(view, 'data'))));
  console.log(merged.join(' '));
  check('these 40 values', merged.join(' ') === MERGED);
  check(
    'as merged from pulled copies',
    isDeepStrictEqual(
      merged,
      pulled.flat().sort((a, b) => a - b),
    ),
  );
  check('no iterator is left behind', (await rc[0].pull('typeof iterator_of_data')) === 'undefined');
}

async function failures(rc: Client): Promise<void> {
  cell('a remote error is no local class: ask for its name');
  const error = await collect(remoteIterator(rc[0], 'nothing')).catch((thrown: unknown) => thrown);
  console.log(error);
  check('it is a RemoteError', error instanceof RemoteError && !(error instanceof ReferenceError));
  check('its ename is that of the error thrown there', (error as RemoteError).ename === 'ReferenceError');
  const local = await collect(localErrors(remoteIterator(rc[0], 'nothing'))).catch((thrown: unknown) => thrown);
  console.log((local as Error).name);
  check('rethrown as the local class', local instanceof ReferenceError && local.cause instanceof RemoteError);
}

async function main(): Promise<void> {
  await using cluster = await Cluster.start({ engines: 4 });
  await using rc = await cluster.connect();
  await iterate(rc);
  await failures(rc);
}

await main();
console.log(`remote-iteration: ${checksPassed()} checks passed`);
