// The entry of an engine process: options from stdin, then serve until told to end.
import { ENGINE_EXIT } from '../src/protocol/engine-options.ts';
import { logLine } from './log.ts';
import { EngineServer, type ProbeContext } from './serve.ts';
import { readOptions } from './stdin.ts';

const server = new EngineServer(readOptions());

// Found at run time, beside the sockets being bound; it loads no GPU library before the context is opened.
const probe: ProbeContext = async (choice, options) => {
  const contexts: { probeContext: ProbeContext } = await import(new URL('./contexts/index.js', import.meta.url).href);
  return contexts.probeContext(choice, options);
};

try {
  await server.start(probe);
} catch (error) {
  logLine(`engine: cannot start: ${(error as Error).message}`);
  await server.stop(ENGINE_EXIT.failed, '');
}
