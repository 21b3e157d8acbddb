// The check-up of a card in one span of time: what it is, how fast our kernels and PyTorch's are on it, and whether they
// are right. Without a hardware adapter it ends with exit code 3 and measures nothing.
//   node dist/bench/checkup/main.js [--budget 480] [--out FOLDER] [--software] [--only PART,PART]
// Exit codes: 0 all that ran is right, 1 something is wrong or failed, 2 wrong arguments, 3 no hardware adapter.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Checkup, type CheckupOptions, EXIT, SIGNALS } from './checkup.ts';
import { IN_SOFTWARE, ON_CARD } from './parts.ts';
import { preflight } from './preflight.ts';

const DEFAULT_BUDGET_S = '480';

/** @throws TypeError for what is not an option, RangeError for a budget that is not a number of seconds */
function optionsOf(args: readonly string[]): CheckupOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      budget: { type: 'string', default: DEFAULT_BUDGET_S },
      out: { type: 'string', default: 'gpu-checkup-results' },
      software: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
    },
  });
  const budget = Number(values.budget);
  if (!(budget > 0 && Number.isFinite(budget))) {
    throw new RangeError(`--budget takes seconds, not ${values.budget}`);
  }
  const all = values.software ? IN_SOFTWARE : ON_CARD;
  const only = values.only.split(',').filter((name) => name !== '');
  const unknown = only.find((name) => !all.some((part) => part.name === name));
  if (unknown !== undefined)
    throw new RangeError(`--only takes ${all.map(({ name }) => name).join(', ')}, not ${unknown}`);
  const parts = all.filter(({ name }) => only.length === 0 || only.includes(name));
  const out = resolve(values.out);
  return { budget, out, software: values.software, parts, find: preflight, print: (line) => console.log(line) };
}

function opened(options: CheckupOptions): Checkup {
  try {
    return new Checkup(options);
  } catch (error) {
    console.error(`--out ${options.out} cannot be written: ${(error as Error).message}`);
    process.exit(EXIT.usage);
  }
}

async function main(): Promise<void> {
  let options: CheckupOptions;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (error) {
    console.error((error as Error).message);
    process.exit(EXIT.usage);
  }
  const checkup = opened(options);
  for (const signal of Object.keys(SIGNALS) as NodeJS.Signals[]) {
    process.on(signal, () => process.exit(checkup.stop(signal)));
  }
  process.exit(await checkup.run());
}

await main();
