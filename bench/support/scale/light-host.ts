// A process with many light engines. Arguments: the registry's endpoint, a private folder, a name for its sockets, and how
// many. It answers 'count' with the messages that it has got; 'stop' ends it.
import { countingTransport, LightEngine } from './light-engines.ts';

const [registry, folder, name, count] = process.argv.slice(2) as [string, string, string, string];
const transport = countingTransport();
const engines = Array.from(
  { length: Number(count) },
  (_, i) => new LightEngine(transport, { registry, folder, name: `${name}-${i}` }),
);
process.on('message', (asked) => {
  if (asked === 'count') process.send?.(transport.received());
  else void Promise.all(engines.map((engine) => engine.stop())).then(() => process.exit());
});
process.on('disconnect', () => process.exit());
await Promise.all(engines.map((engine) => engine.start()));
