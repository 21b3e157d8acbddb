// Walks every part that a card gets, in small sizes, against the stand-ins: a rehearsal of the order, the arguments and the
// files of a run on a card. Exit codes are those of the check-up.
//   node dist/test/support/stub-card/rehearse.js [--out FOLDER] [--budget SECONDS] [--only PART,PART]
import { parseArgs } from 'node:util';
import { Checkup } from '../../../bench/checkup/checkup.ts';
import { preflight } from '../../../bench/checkup/preflight.ts';
import { buildStubCard } from './build.ts';
import { smallParts } from './small-parts.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'stub-card-results' },
    budget: { type: 'string', default: '480' },
    only: { type: 'string', default: '' },
  },
});
using card = await buildStubCard();
Object.assign(process.env, card.env);
const only = values.only.split(',').filter((name) => name !== '');
const parts = smallParts().filter(({ name }) => only.length === 0 || only.includes(name));
const print = (line: string) => console.log(line);
const budget = Number(values.budget);
process.exitCode = await new Checkup({ budget, out: values.out, software: false, parts, find: preflight, print }).run();
