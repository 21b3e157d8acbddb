// Word count: map on the engines, reduce on the engines, over the Gettysburg Address (Abraham Lincoln, 1863, the text of
// the Bliss copy; public domain).
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Client, Cluster } from 'directview';
import { cell, check, checksPassed } from './support/tour.ts';

type Counts = Map<string, number>;

/** How often each word occurs in these lines. Runs on the engines and here. */
function countWords(lines: readonly string[]): Counts {
  const counts: Counts = new Map();
  for (const line of lines) {
    for (const word of line.toLowerCase().match(/[a-z]+(?:-[a-z]+)*/g) ?? []) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

/** The names that engines have when they run these functions. */
declare const lines: readonly string[];
declare const engine: {
  reduce<T>(value: T, op: (a: T, b: T) => T): Promise<T | undefined>;
};

/** The words that occur most, the alphabet breaking ties. */
function top(counts: Counts, n: number): [string, number][] {
  return [...counts].sort(([a, m], [b, k]) => k - m || (a < b ? -1 : 1)).slice(0, n);
}

async function count(rc: Client, text: readonly string[]): Promise<void> {
  const engines = rc[':'];
  cell('engines.scatter("lines", text); engines.push({ countWords })');
  await engines.scatter('lines', text);
  await engines.push({ countWords });
  console.log(await engines.pull('lines.length'), 'lines on each engine');

  cell('engines.apply(() => engine.reduce(countWords(lines), add))');
  const results = await engines.apply(() =>
    engine.reduce(countWords(lines), (a, b) => {
      for (const [word, n] of b) a.set(word, (a.get(word) ?? 0) + n);
      return a;
    }),
  );
  const counts = results[0] as Counts;
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  console.log(
    top(counts, 8)
      .map(([word, n]) => `${word} ${n}`)
      .join(', '),
  );
  console.log(`${total} words, ${counts.size} of them different`);
  check(
    'only the root has the reduction',
    results.slice(1).every((other) => other === undefined),
  );
  check('the same as counted here', isDeepStrictEqual(top(counts, 1e6), top(countWords(text), 1e6)));
  check('“that” is what it says most', isDeepStrictEqual(top(counts, 1), [['that', 13]]));
  check('“people” three times', counts.get('people') === 3);

  cell('the same with a load-balanced map over the lines');
  const parts = await rc.loadBalanced().map((line: string) => countWords([line]), text);
  const sum = parts.flatMap((part) => [...part.values()]).reduce((a, b) => a + b, 0);
  check('as many words', sum === total);
}

async function main(): Promise<void> {
  const file = new URL('../../examples/data/gettysburg-address.txt', import.meta.url);
  const text = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  await using cluster = await Cluster.start({ engines: 4 });
  await using rc = await cluster.connect();
  await count(rc, text);
}

await main();
console.log(`word-count: ${checksPassed()} checks passed`);
