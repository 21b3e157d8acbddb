// The entry of an engine process: options from stdin, then serve until told to end.
import './control/signals.ts';
import { randomInt } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { ENGINE_EXIT, MAX_SEED } from '../src/protocol/engine-options.ts';
import { optimizeEarly } from '../src/util/diagnostics/early-optimization.ts';
import { readOptions } from './control/stdin.ts';
import { EngineServer, type ProbeContext } from './engine-server.ts';
import { logLine } from './log.ts';

const given = readOptions();
// Both threads know it.
const options = { ...given, seed: given.seed ?? randomInt(MAX_SEED) };
const server = new EngineServer(options);

// Imported while the sockets are being bound. It loads no GPU library before the context is opened.
const probe: ProbeContext = async (choice, options) => {
  const { probeContext } = await import('./contexts/index.ts');
  return probeContext(choice, options);
};

try {
  await server.start(probe);
  // V8 counts the memory of arrays against a limit that it derives from its own small heap. It collects that heap every few
  // megabytes of arrays, on all cores: a fifth of the time of a batch of pictures (measured). The limit was 2 to 4 times the
  // rest of the last collection; here it becomes 5 times. Set only now, because a flag of the process costs 25 ms of each
  // start: Node's code cache is made for V8's own flags.
  setFlagsFromString('--heap-growing-percent=400');
  optimizeEarly();
} catch (error) {
  logLine(`engine: cannot start: ${(error as Error).message}`);
  await server.stop(ENGINE_EXIT.failed, '');
}
