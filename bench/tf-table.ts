// tf on each context: a small use of every public function of tfjs, of its gradient, of each layer and optimizer, compared
// with the cpu context. `node dist/bench/tf-table.js [--write] [--contexts cpu,wasm,tensorflow,webgpu]` prints how each context
// has them; --write puts the table into docs/tf.md. Exit code 1 for a wrong value.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Cluster } from '../src/cluster/cluster.ts';
import type { DeviceReport } from '../src/protocol/messages/engine-record.ts';
import { markdownOf, textOf } from './tf-ops/table.ts';
import type { Rated } from './tf-ops/uses.ts';
import { rated, seenBy } from './tf-ops/walk.ts';

const DOCUMENT = new URL('../../docs/tf.md', import.meta.url);

async function walk(device: DeviceReport['kind']): ReturnType<typeof seenBy> {
  await using cluster = await Cluster.start({ device, engines: 1, softwareGpu: device === 'webgpu' });
  await using rc = await cluster.connect();
  return await seenBy(rc.view(0));
}

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    contexts: { type: 'string', default: 'cpu,wasm,tensorflow,webgpu' },
    errors: { type: 'boolean', default: false },
  },
});
const contexts = values.contexts.split(',') as DeviceReport['kind'][];
const reference = await walk('cpu');
const ratings = new Map<string, Map<string, Rated>>();
for (const device of contexts) {
  const seen = device === 'cpu' ? reference : await walk(device);
  ratings.set(device, rated(seen, reference));
  if (!values.errors) continue;
  for (const [{ name }, { error }] of seen)
    if (error !== undefined && ratings.get(device)?.get(name) !== undefined)
      console.log(device, name, error.split('\n')[0]);
}
console.log(textOf(ratings));
if (values.write) {
  const text = await readFile(DOCUMENT, 'utf8');
  await writeFile(DOCUMENT, `${text.slice(0, text.indexOf('\n## Table') + 10)}\n${markdownOf(ratings)}`);
}
process.exitCode = [...ratings.values()].some((of) => [...of.values()].includes('wrong')) ? 1 : 0;
