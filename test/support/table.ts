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

/** A row that takes longer hangs: it fails by its name, and the next ones are seen. */
const LIMIT_MS = 60_000;

async function limited(run: () => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end within ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  await Promise.race([run(), limit]).finally(() => clearTimeout(timer));
}

/** Makes each row a test. TEST_TIMES=1 prints how long it took. */
export function testRows(test: ReturnType<typeof suite>, rows: readonly Row[]): void {
  for (const { number, fault, expected, skip, run } of rows) {
    const name = `${number}. ${fault}: ${expected}`;
    if (skip !== undefined) test.skip(name, skip);
    else
      test(name, async () => {
        const since = performance.now();
        await limited(run);
        if (process.env['TEST_TIMES']) console.log(`${Math.round(performance.now() - since)} ms: ${name}`);
      });
  }
}
