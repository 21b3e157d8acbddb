// `npm run fuzz [-- --inputs 100000 --seed 1]`
import { parseArgs } from 'node:util';
import { fuzz, MOST_LEAKED } from './fuzzer.ts';

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const since = performance.now();
const { inputs, sockets, honest, grown, leaked } = await fuzz({
  inputs: Number(values.inputs),
  seed: Number(values.seed),
});
const seconds = ((performance.now() - since) / 1000).toFixed(0);
console.log(`${inputs} damaged inputs in ${seconds} s, seed ${values.seed}: ${JSON.stringify(sockets)}`);
console.log(
  `${honest} honest calls beside them, all right; engine ${grown.engine} MiB more, controller ${grown.controller} MiB more`,
);
console.log(
  `live memory since a tenth of them, without kept results and mail: engine ${leaked.engine} MiB, controller ${leaked.controller} MiB`,
);
if (Math.max(leaked.engine, leaked.controller) > MOST_LEAKED) process.exitCode = 1;
