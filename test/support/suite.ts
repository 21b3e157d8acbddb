// uvu, guarded: a hook that throws turns the run red (plain uvu exits 0), and a skip says why.
import { sep } from 'node:path';
import { suite as uvuSuite } from 'uvu';
import { LeakCheck } from './chaos/leak-check.ts';
import { removeTemporaryFolders } from './temporary-folder.ts';

type Hook = () => unknown;

/** The tests of one file. */
export interface Suite {
  (name: string, run: Hook): void;
  only(name: string, run: Hook): void;
  /** Reported by name and reason; never counted as passed. */
  skip(name: string, reason: string): void;
  before(hook: Hook): void;
  after(hook: Hook): void;
  run(): void;
}

/** Tests whose name has this text run, the others do not (`npm test -- unit/x --grep 'text'`). */
const GREP = process.env['TEST_GREP'] ?? '';
const isWanted = (name: string) => name.includes(GREP);

/** Files with real processes are watched from their first suite to their last. */
let leaks: LeakCheck | undefined;
let open = 0;

function watch(): void {
  open++;
  if (process.platform !== 'linux' || !process.argv[1]?.includes(`${sep}cluster${sep}`)) return;
  leaks ??= new LeakCheck();
}

async function leftBehind(): Promise<void> {
  if (--open === 0) await leaks?.check();
}

/** One suite per test file. `run()` closes it; where no test is wanted, `before` hooks do not run. */
export function suite(title: string): Suite {
  watch();
  const inner = uvuSuite(title);
  let broken: unknown;
  let wanted = 0;
  const cleanUps: Hook[] = [];
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
  const add = (to: typeof inner | typeof inner.only) => (name: string, run: Hook) => {
    if (!isWanted(name)) return;
    wanted++;
    to(name, async () => check(broken, run));
  };
  return Object.assign(add(inner), {
    only: add(inner.only),
    skip: (name: string, reason: string) => {
      if (isWanted(name)) console.log(`SKIPPED ${title}: ${name} (${reason})`);
    },
    before: (hook: Hook) => inner.before(guard(hook)),
    after: (hook: Hook) => {
      cleanUps.push(hook);
      inner.after(guard(hook));
    },
    run: () => {
      if (wanted > 0 || GREP === '') {
        inner.after(guard(leftBehind));
        inner.run();
      } else void cleanUp(cleanUps).then(removeTemporaryFolders).then(leftBehind);
    },
  });
}

/** Ends what the file opened beside its hooks, so that the process ends. Things that `before` makes are missing. */
async function cleanUp(hooks: readonly Hook[]): Promise<void> {
  for (const hook of hooks)
    await Promise.resolve()
      .then(hook)
      .catch(() => {});
}

async function check(broken: unknown, run: Hook): Promise<void> {
  if (broken !== undefined) throw new Error('a hook failed before this test', { cause: broken });
  await run();
}
