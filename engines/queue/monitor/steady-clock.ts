import process from 'node:process';

const { bigint } = process.hrtime;

/** Milliseconds of a clock that nobody sets. All threads of this process have the same. */
export function steadyMs(): number {
  return Number(bigint() / 1_000_000n);
}
