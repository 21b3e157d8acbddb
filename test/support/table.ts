import type { suite } from './suite.ts';

/** A row of a table of faults or attacks. */
interface Row {
  readonly number: number;
  readonly fault: string;
  readonly expected: string;
  /** Why this machine cannot stage it. */
  readonly skip?: string | undefined;
  readonly run: () => Promise<unknown>;
}

/** Makes each row a test. TEST_TIMES=1 prints how long it took. */
export function testRows(test: ReturnType<typeof suite>, rows: readonly Row[]): void {
  for (const { number, fault, expected, skip, run } of rows) {
    const name = `${number}. ${fault}: ${expected}`;
    if (skip !== undefined) test.skip(name, skip);
    else
      test(name, async () => {
        const since = performance.now();
        await run();
        if (process.env['TEST_TIMES']) console.log(`${Math.round(performance.now() - since)} ms: ${name}`);
      });
  }
}
