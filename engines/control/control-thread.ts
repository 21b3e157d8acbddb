// The control thread: answers ping, status, abort and interrupt while the main thread computes, keeps the link to the
// controller, and ends the process when its launcher or its controller is gone, even if the main thread never yields.
import { type MessagePort, workerData } from 'node:worker_threads';
import { zeromqTransport } from '../../src/comm/zeromq.ts';
import { ENGINE_EXIT } from '../../src/protocol/engine-options.ts';
import type { ControlReply, ControlRequest, EngineRecord } from '../../src/protocol/messages.ts';
import { listenChannels } from '../../src/rpc/channel.ts';
import { CONTROL } from '../../src/rpc/conversations.ts';
import { engineLog } from '../log.ts';
import type { ControlData, FromControl, ToControl } from './control.ts';
import { Interrupter, Reaper } from './interrupter.ts';
import { removeSocketFiles } from './ipc-files.ts';
import { Registration } from './registration.ts';
import { Board, REASON } from './status-board.ts';
import { onStdinEnd } from './stdin.ts';

const { board: buffer, uuid, options, port } = workerData as ControlData;
const board = new Board(buffer);
const transport = zeromqTransport();
const log = engineLog('control');
const REPLACE_GRACE_MS = 2000;

function tell(message: FromControl): void {
  board.add('commands', 1);
  (port as MessagePort).postMessage(message);
}

const reaper = new Reaper(() => removeSocketFiles([options.tasks, options.control]));
const interrupter = new Interrupter(board, reaper, (started) => tell({ do: 'interrupt', started }));

let stopping = false;
/** Asks the main thread to end; ends the process if it does not answer. */
function shutdown(code: number, reason: string): void {
  if (stopping) return;
  stopping = true;
  tell({ do: 'shutdown', code, reason });
  setTimeout(() => {
    if (board.get('stopping') === 0) reaper.exit(code);
  }, 500).unref();
}

const listener = await listenChannels(
  { transport, endpoint: options.control, conversation: CONTROL },
  {
    message: (request, _, client) => void client.send(answer(request)),
    dropped: (error) => log.write(`a message that is no request was dropped: ${error.message}`),
  },
);
const registration = new Registration(transport, options, {
  registered: (id) => tell({ do: 'registered', id }),
  roster: (engines, version) => tell({ do: 'roster', engines, version }),
  stop: (code, reason) => shutdown(code, reason),
});
onStdinEnd(() => shutdown(ENGINE_EXIT.ok, 'the launcher is gone (stdin ended)'));

port.on('message', (message: ToControl) => {
  if (message.do === 'close') void close();
  else if (message.do === 'deadline') setTimeout(() => deadline(message.started), message.ms);
  else register(message.engine);
});

function register(engine: Omit<EngineRecord, 'id' | 'control'>): void {
  registration.register({ ...engine, control: listener.endpoint });
}

function deadline(started: number): void {
  const running = board.running();
  if (running?.started === started) interrupter.end(started, REASON.timeout, REPLACE_GRACE_MS);
}

function answer(request: ControlRequest): ControlReply {
  const reply = { type: 'control-reply', id: request.id } as const;
  if (request.to !== uuid) {
    return { ...reply, ok: false, error: `this is engine incarnation ${uuid}, not ${request.to}` };
  }
  const value = perform(request);
  return { ...reply, ok: true, ...(value === undefined ? {} : { value }) };
}

function perform(request: ControlRequest): unknown {
  switch (request.type) {
    case 'ping':
      return undefined;
    case 'status':
      return status();
    case 'abort':
      return tell({ do: 'abort', ids: request.ids });
    case 'purge':
      return tell({ do: 'purge', ids: request.ids, client: request.client });
    case 'interrupt':
      return interrupt(request.ids, request.grace);
    case 'shutdown':
      return shutdown(ENGINE_EXIT.ok, 'a shutdown was asked for');
    default:
      throw new TypeError(`no control request: ${(request as { type: string }).type}`);
  }
}

function status() {
  const running = board.running()?.id ?? null;
  const rss = process.memoryUsage.rss();
  return { uuid, pid: process.pid, running, ...board.ids(), completed: board.get('completed'), rss };
}

/** The id of the task that is being ended, or null. */
function interrupt(ids: readonly string[] | undefined, grace = REPLACE_GRACE_MS): string | null {
  const running = board.running();
  if (running === null || (ids !== undefined && !ids.includes(running.id))) return null;
  interrupter.end(running.started, REASON.interrupt, grace);
  return running.id;
}

async function close(): Promise<void> {
  await registration.close();
  await listener.close();
  removeSocketFiles([options.tasks, options.control]);
  // The sockets' pollers go with the next turn of the loop.
  setImmediate(() => {
    board.wake('closed');
    process.exit(0);
  });
}
