// Monte Carlo π, after the notebook's exercise: every engine throws its share of the points, one call in all.
import { Cluster, type DirectView } from 'directview';
import { cell, check, checksPassed } from './support/tour.ts';

/** 4 × the share of `n` random points of the unit square that lie in the quarter circle. Runs on the engines. */
function mcpi(n: number): number {
  let inside = 0;
  for (let i = 0; i < n; i++) {
    const [x, y] = [Math.random(), Math.random()];
    if (x * x + y * y <= 1) inside++;
  }
  return (4 * inside) / n;
}

/** Points of each of `p` engines: all of them together are at least `n`. */
const share = (n: number, p: number) => Math.ceil(n / p);

/** The mean over the engines. Their random streams are independent: each process seeds its own. */
async function multiMcpi(view: DirectView<'many'>, n: number): Promise<number> {
  const estimates = await view.apply(mcpi, share(n, view.length));
  return estimates.reduce((sum, pi) => sum + pi, 0) / estimates.length;
}

/** The standard error of an estimate from `n` points. */
const sigma = (n: number) => Math.sqrt((Math.PI * (4 - Math.PI)) / n);

async function main(): Promise<void> {
  await using cluster = await Cluster.start({ engines: 4 });
  await using rc = await cluster.connect();
  const engines = rc[':'];
  const n = 10_000_000;

  cell('mcpi(100_000) here');
  console.log(mcpi(100_000));

  cell(`multiMcpi(engines, ${n})`);
  check('2 500 000 points on each of four engines', share(n, 4) === 2_500_000);
  check('rounded up: 3 333 334 on each of three', share(n, 3) === 3_333_334);
  const ar = engines.apply(mcpi, share(n, 4));
  const estimates = await ar;
  console.log(estimates);
  check('engines have random streams of their own', new Set(estimates).size > 1);
  const pi = await multiMcpi(engines, n);
  console.log(`π ≈ ${pi}, off by ${(pi - Math.PI).toExponential(1)}; σ = ${sigma(n).toExponential(1)}`);
  check('within five standard errors', Math.abs(pi - Math.PI) < 5 * sigma(n));
  console.log(`serial ${ar.serialTime} ms, wall ${ar.wallTime} ms`);
}

await main();
console.log(`monte-carlo-pi: ${checksPassed()} checks passed`);
