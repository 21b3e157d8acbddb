// The entry of an engine process: options from stdin, then serve until told to end.
import { setFlagsFromString } from 'node:v8';
import { ENGINE_EXIT } from '../src/protocol/engine-options.ts';
import { readOptions } from './control/stdin.ts';
import { EngineServer, type ProbeContext } from './engine-server.ts';
import { logLine } from './log.ts';

const server = new EngineServer(readOptions());

// Found at run time, beside the sockets being bound; it loads no GPU library before the context is opened.
const probe: ProbeContext = async (choice, options) => {
  const contexts: { probeContext: ProbeContext } = await import(new URL('./contexts/index.js', import.meta.url).href);
  return contexts.probeContext(choice, options);
};

try {
  await server.start(probe);
  // V8 counts the memory of arrays against a limit that it derives from its own small heap, and collects that heap every
  // few megabytes of them, on all cores: measured, a fifth of the time of a batch of pictures. Now the limit is 5 times
  // what the last collection left, not 2 to 4 times. Set only here: as a flag of the process it costs 25 ms of each start,
  // because Node's code cache is made for V8's own flags.
  setFlagsFromString('--heap-growing-percent=400');
} catch (error) {
  logLine(`engine: cannot start: ${(error as Error).message}`);
  await server.stop(ENGINE_EXIT.failed, '');
}
