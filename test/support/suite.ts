// uvu, guarded: a hook that throws turns the run red (plain uvu exits 0), and a skip says why.
import { suite as uvuSuite } from 'uvu';

type Hook = () => unknown;
export interface Suite {
  (name: string, run: Hook): void;
  only(name: string, run: Hook): void;
  /** Reported by name and reason; never counted as passed. */
  skip(name: string, reason: string): void;
  before(hook: Hook): void;
  after(hook: Hook): void;
  run(): void;
}

/** One suite per test file. `run()` closes it. */
export function suite(title: string): Suite {
  const inner = uvuSuite(title);
  let broken: unknown;
  const guard = (hook: Hook) => async () => {
    try {
      await hook();
    } catch (error) {
      broken ??= error;
      process.exitCode = 1;
      process.on('exit', () => {
        process.exitCode = 1;
      });
      console.error(`hook of "${title}" failed:`, error);
    }
  };
  const test = (name: string, run: Hook) => inner(name, async () => check(broken, run));
  return Object.assign(test, {
    only: (name: string, run: Hook) => inner.only(name, async () => check(broken, run)),
    skip: (name: string, reason: string) => console.log(`SKIPPED ${title}: ${name} (${reason})`),
    before: (hook: Hook) => inner.before(guard(hook)),
    after: (hook: Hook) => inner.after(guard(hook)),
    run: () => inner.run(),
  });
}

async function check(broken: unknown, run: Hook): Promise<void> {
  if (broken !== undefined) throw new Error('a hook failed before this test', { cause: broken });
  await run();
}
