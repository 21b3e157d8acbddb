// `npm run soak -- --minutes 10 --seed 7 --engines 6`
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '7' },
    engines: { type: 'string', default: '6' },
  },
});
const [minutes, seed, engines] = [values.minutes, values.seed, values.engines].map(Number) as [number, number, number];
console.log(`soak: ${minutes} minutes, seed ${seed}, ${engines} engines`);
const end = await soak({ seconds: 60 * minutes, seed, engines, progress: (line) => console.log(line) });
for (const note of end.notes) console.log(note);
console.log(
  `faults: ${Object.entries(end.kinds)
    .map(([kind, n]) => `${kind} ${n}`)
    .join(', ')}`,
);
console.log(
  `${end.operations} operations (${end.ok} ok, ${end.unknown} failed by a fault, ${end.failed} never began), ${end.faults} faults`,
);
console.log(`lost ${end.lost}, duplicated ${end.duplicated}, hung ${end.hung}, unhandled rejections ${end.unhandled}`);
console.log(`resident memory ${end.slope >= 0 ? '+' : ''}${end.slope.toFixed(1)} MiB a minute in the second half`);
process.exitCode = end.lost + end.duplicated + end.hung + end.unhandled === 0 ? 0 : 1;
