import type { PxLine } from './px-line.ts';

/** The % commands with argument and effect, in the order of `.help`. */
const MAGICS: readonly (readonly [PxLine['command'], string, string])[] = [
  ['%px', 'CODE', 'runs CODE on the engines and prints their output; %px cd DIR moves them'],
  ['%%px', '', 'the same for the lines below it; an empty line at which the code is complete ends it'],
  ['%autopx', '', 'every line runs on the engines, until the next %autopx'],
  ['%pxresult', '', 'shows the last result again'],
  ['%pxconfig', '', 'sets the defaults; without options shows them'],
  ['%cd', 'DIR', 'moves this process; {expression} and $name are put into DIR and option values'],
];

const DOTS: readonly (readonly [string, string])[] = [
  ['.break, .clear', 'drops an incomplete command, as Ctrl-C does'],
  ['.editor', 'takes lines until Ctrl-D, and runs them as one'],
  ['.exit', 'leaves, as Ctrl-D does'],
  ['.help', 'prints this'],
  ['.load FILE', 'runs the lines of a file'],
];

/** The options of the % commands. */
const OPTIONS = `Options: -t ENGINES (0 · 0,2 · ::2 · all), --block/--noblock (-b/-a), --stream/--no-stream,
  --group-outputs type|engine|order (-e, -r), --verbose (-v), --progress-after SECONDS, --local, -o NAME,
  --names/--no-names (do names of this session travel with functions?), --signal-on-interrupt SIGINT|0. Before the code of %px only the long ones and -t count.
`;

const WIDTH = 16;
const line = (name: string, text: string) => `  ${name.padEnd(WIDTH)}${text}\n`;

/** The % commands and their options. */
export const MAGICS_HELP =
  MAGICS.map(([name, argument, text]) => line(`${name} ${argument}`, text)).join('') +
  line('%px?', 'explains %px; so do %%px?, %autopx?, … their commands') +
  OPTIONS;

/** The text of `.help`. */
export const HELP = `${DOTS.map(([name, text]) => line(name, text)).join('')}\n${MAGICS_HELP}
Ctrl-C interrupts the engines while a px runs, and ends the wait of other code. _ is the last value.
`;

/** The text of `%px?`. */
export function helpOf(command: PxLine['command']): string {
  const [name, argument, text] = MAGICS.find(([known]) => known === command) as (typeof MAGICS)[number];
  const takesOptions = name !== '%autopx' && name !== '%cd';
  return `${`${name} ${argument}`.trim()}\n  ${text}\n${takesOptions ? OPTIONS : ''}`;
}
