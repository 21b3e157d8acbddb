// Monte Carlo option pricing: a sweep over strikes and volatilities as one gpu.js kernel on every engine, each on random
// paths of its own; checked against the closed formula of Black and Scholes.
import { Cluster, type DirectView } from 'directview';
import { cell, check, checksPassed } from './support/tour.ts';

interface Market {
  readonly spot: number;
  readonly rate: number;
  readonly years: number;
  readonly strikes: number[];
  readonly volatilities: number[];
}

const MARKET: Market = {
  spot: 100,
  rate: 0.05,
  years: 1,
  strikes: [80, 90, 100, 110, 120],
  volatilities: [0.1, 0.2, 0.3, 0.4],
};
const PATHS = 20_000;

/** gpu.js on this engine's context; the name is a global of the engines. */
declare const gpu: {
  createKernel(
    kernel: unknown,
    settings: object,
  ): (...args: unknown[]) => ArrayLike<number>[] & PromiseLike<ArrayLike<number>[]>;
};
interface Scope {
  readonly thread: { readonly x: number; readonly y: number };
  readonly constants: { readonly paths: number; readonly spot: number; readonly rate: number; readonly years: number };
}

/** Mean discounted payoff of calls over `paths` paths: a row for each volatility, a column for each strike. */
async function priceCalls({ spot, rate, years, strikes, volatilities }: Market, paths: number): Promise<number[][]> {
  // Normal deviates by Box and Muller; every engine's process has a random stream of its own.
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  const deviates = Float32Array.from({ length: paths }, normal);
  const kernel = gpu.createKernel(
    function (this: Scope, z: number[], strike: number[], volatility: number[]) {
      const sigma = volatility[this.thread.y] as number;
      const drift = (this.constants.rate - 0.5 * sigma * sigma) * this.constants.years;
      const spread = sigma * Math.sqrt(this.constants.years);
      let sum = 0;
      for (let i = 0; i < this.constants.paths; i++) {
        const price = this.constants.spot * Math.exp(drift + spread * (z[i] as number));
        sum += Math.max(price - (strike[this.thread.x] as number), 0);
      }
      return (Math.exp(-this.constants.rate * this.constants.years) * sum) / this.constants.paths;
    },
    {
      output: [strikes.length, volatilities.length],
      constants: { paths, spot, rate, years },
      loopMaxIterations: paths,
    },
  );
  const rows = await kernel(deviates, strikes, volatilities);
  return Array.from(rows, (row) => Array.from(row));
}

/** The standard normal distribution, to 7.5e-8 (Abramowitz and Stegun 26.2.17). */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return x >= 0 ? 1 - tail : tail;
}

/** The price of a call by the closed formula. */
function blackScholes({ spot, rate, years }: Market, strike: number, sigma: number): number {
  const spread = sigma * Math.sqrt(years);
  const d = (Math.log(spot / strike) + (rate + sigma ** 2 / 2) * years) / spread;
  return spot * normalCdf(d) - strike * Math.exp(-rate * years) * normalCdf(d - spread);
}

/** Mean and standard error of each price over the engines. */
function summary(grids: readonly number[][][], v: number, k: number): { mean: number; error: number } {
  const prices = grids.map((grid) => grid[v]?.[k] as number);
  const mean = prices.reduce((a, b) => a + b, 0) / prices.length;
  const variance = prices.reduce((a, b) => a + (b - mean) ** 2, 0) / (prices.length - 1);
  return { mean, error: Math.sqrt(variance / prices.length) };
}

/** A bound on the standard error of a call's price over `n` paths: a payoff is at most the price of the share then. */
function bound({ spot, years }: Market, sigma: number, n: number): number {
  return spot * Math.sqrt((Math.exp(sigma ** 2 * years) - 1) / n);
}

async function sweep(engines: DirectView<'many'>): Promise<void> {
  cell(`calls at ${MARKET.strikes} with volatilities ${MARKET.volatilities}: ${PATHS} paths on each engine`);
  const ar = engines.apply(priceCalls, MARKET, PATHS);
  const grids = await ar;
  for (const [v, sigma] of MARKET.volatilities.entries()) {
    const row = MARKET.strikes.map((strike, k) => {
      const { mean, error } = summary(grids, v, k);
      const exact = blackScholes(MARKET, strike, sigma);
      return { mean, error, exact, tolerance: 5 * bound(MARKET, sigma, PATHS * grids.length) };
    });
    console.log(`σ ${sigma}: ${row.map(({ mean, error }) => `${mean.toFixed(2)} ± ${error.toFixed(2)}`).join('   ')}`);
    console.log(`exact: ${row.map(({ exact }) => exact.toFixed(2)).join('          ')}`);
    check(
      'within five standard errors of Black and Scholes',
      row.every(({ mean, exact, tolerance }) => Math.abs(mean - exact) < tolerance),
    );
    check(
      'dearer the lower the strike',
      row.every(({ mean }, k) => k === 0 || mean < (row[k - 1]?.mean as number)),
    );
  }
  console.log(`serial ${ar.serialTime} ms, wall ${ar.wallTime} ms`);
  check('engines have paths of their own', grids[0]?.[1]?.[1] !== grids[1]?.[1]?.[1]);
}

async function main(): Promise<void> {
  await using cluster = await Cluster.start({ engines: 4 });
  await using rc = await cluster.connect();
  console.log(rc.engines.map(({ device }) => `${device.kind} (gpu.js ${device.gpuMode})`).join(', '));
  check('the closed formula gives the textbook price', Math.abs(blackScholes(MARKET, 100, 0.2) - 10.4506) < 1e-4);
  await sweep(rc[':']);
}

await main();
console.log(`option-pricing: ${checksPassed()} checks passed`);
