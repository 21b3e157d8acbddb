// The control thread: it serves control requests while the main thread computes, and keeps the link to the controller. It
// ends the process when the launcher or the controller is gone, even if the main thread never yields.
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { clusterTransport } from '../../src/comm/by-scheme.ts';
import { authenticate } from '../../src/comm/zeromq/authenticator.ts';
import { Credentials } from '../../src/comm/zeromq/credentials.ts';
import { descriptorLimit } from '../../src/comm/zeromq/descriptors.ts';
import { ENGINE_EXIT, UNHANDLED_MARK } from '../../src/protocol/engine-options.ts';
import type { ControlReply, ControlRequest } from '../../src/protocol/messages/control.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { HelloMessage } from '../../src/protocol/messages/hello.ts';
import { type Channel, listenChannels } from '../../src/rpc/channel.ts';
import { CONTROL } from '../../src/rpc/conversations.ts';
import { timerMs } from '../../src/rpc/timer-ms.ts';
import { isOutOfDescriptors, ReservedDescriptors } from '../../src/util/system/reserved-descriptors.ts';
import { engineLog, logLine } from '../log.ts';
import { clientOf } from '../queue/fair-queue.ts';
import { ControlMonitor, cardOf } from '../queue/monitor/control-monitor.ts';
import { TaskRing } from '../queue/monitor/task-ring.ts';
import { recordFile } from '../queue/record-file.ts';
import { Callers, refusalOf } from '../queue/rights.ts';
import { REASON, RETIRING, StatusBoard } from '../queue/status-board.ts';
import type { ControlData, FromControl, ToControl } from './control.ts';
import { answer, BLOCKED, type ControlSide, REPLACE_GRACE_MS } from './control-requests.ts';
import { Interrupter, Reaper, STOP_REASONS } from './interrupter.ts';
import { MainLoop } from './main-loop.ts';
import { Registration } from './registration.ts';
import { removeSocketFiles } from './socket-files.ts';
import { endGroupOfOrphan, onStdinEnd } from './stdin.ts';

/** Bytes that may wait for a client that asks and does not read: it gets no more answers. */
const MAX_UNREAD = 2 ** 26;

/** Milliseconds between two looks at a main thread that is to prove a turn. */
const PROOF_LOOK_MS = 2;

/** Milliseconds in which the main thread must take the request to end. */
const SHUTDOWN_MS = 500;

const { board: buffer, tasks, uuid, options, port } = workerData as ControlData;
const board = new StatusBoard(buffer);
const credentials = options.credentials && new Credentials(options.credentials);
const transport = clusterTransport({ credentials });
const log = engineLog('control');
const reaper = new Reaper(() => {
  removeSocketFiles(options);
  endGroupOfOrphan();
});
const record = recordFile(options);
const interrupter = new Interrupter({
  board,
  reaper,
  reject: (started) => tell({ do: 'interrupt', started }),
  replaced: (reason) => record?.stopped(STOP_REASONS[reason]),
});
const mainLoop = new MainLoop(board, (ms) => registration.blocked(ms));
const monitor = new ControlMonitor(new TaskRing(tasks));
const reserved = new ReservedDescriptors(() => {
  logLine(`${UNHANDLED_MARK}${shortText()}`);
});
const side: ControlSide = {
  uuid,
  board,
  interrupter,
  mainLoop,
  monitor,
  shutdown,
  descriptorLimit: () => (reserved.isShort ? { descriptorLimit: descriptorLimit() } : undefined),
};
const callers = new Callers();
let stopping = false;

reserved.watch();
// Tasks may have taken all descriptors, and may give some back: that must not end the engine.
process.on('uncaughtException', (error) => {
  if (!isOutOfDescriptors(error)) throw error;
  log.write(`${shortText()}: ${error.message}`);
});

// Here, because a handshake must not wait for a main thread that computes. Before the first socket listens.
const authentication = credentials && (await authenticate(credentials));
board.wake('admits');
const listener = await listenChannels(
  { transport, endpoint: options.control, conversation: CONTROL },
  {
    message: (message, _, client) => take(message, client),
    dropped: (error) => log.write(`a message was dropped: ${error.message}`),
  },
);
const registration = new Registration(transport, options, {
  registered: (id) => tell({ do: 'registered', id }),
  roster: (message) => {
    tell({ do: 'roster', message });
    const isWhole = message.type === 'roster' && message.more !== true;
    if (isWhole) board.wake('follows');
  },
  stop: shutdown,
  clientGone,
  retire,
});
mainLoop.watch();
monitor.seed = options.seed;
monitor.watch();
onStdinEnd(() => shutdown(ENGINE_EXIT.ok, 'the launcher is gone (stdin ended)'));
port.on('message', (message: ToControl) => {
  if (message.do === 'close') void close();
  else if (message.do === 'deadline') setTimeout(() => deadline(message.started), timerMs(message.ms));
  else if (message.do === 'held') monitor.held(message.memory);
  else if (message.do === 'failed') monitor.failed(message.failure);
  else if (message.do === 'follow') registration.follow();
  else if (message.do === 'inspector') monitor.inspector = message.url;
  else register(message.engine);
});

function shortText(): string {
  const limit = descriptorLimit();
  return `the engine has no descriptors left: ${limit} of ${limit} are open (ulimit -n)`;
}

function tell(message: FromControl): void {
  board.add('commands', 1);
  port.postMessage(message);
}

function register(engine: Omit<EngineRecord, 'id' | 'control'>): void {
  monitor.card = cardOf(engine.device, options.gpu);
  try {
    registration.register({ ...engine, control: listener.endpoint });
  } catch (error) {
    // Too few descriptors for its link. A thread that throws would take the process with it.
    shutdown(ENGINE_EXIT.failed, `it cannot register: ${(error as Error).message}`);
  }
}

function deadline(started: number): void {
  if (board.running()?.started === started) interrupter.end(started, REASON.timeout, REPLACE_GRACE_MS);
}

// Here, because the main thread may never yield: its task may be the endless loop of that client.
function clientGone(client: string): void {
  tell({ do: 'client-gone', client });
  const running = board.running();
  if (running !== null && clientOf(running.id) === client) {
    interrupter.end(running.started, REASON.clientGone, REPLACE_GRACE_MS);
  }
}

// The main thread may have begun to end, for want of work: then it does not stay, and the controller sees its end.
function retire(over: boolean): boolean {
  const stays = over
    ? board.change('retiring', RETIRING.asked, RETIRING.no) || board.get('retiring') === RETIRING.no
    : false;
  if (!over) board.change('retiring', RETIRING.no, RETIRING.asked);
  tell({ do: 'retire', over });
  return stays;
}

function take(message: HelloMessage | ControlRequest, client: Channel<ControlReply>): void {
  if (message.type === 'hello') callers.hello(client, message);
  else void reply(message, client);
}

async function reply(request: ControlRequest, client: Channel<ControlReply>): Promise<void> {
  const running = board.running();
  const answered = replyTo(request, callers.nameOf(client));
  const waits = request.type === 'interrupt' && request.wait === true && answered.value !== null;
  if (waits && running !== null) await interrupter.ended(running.started);
  // This engine ends: the link says so.
  if (waits && answered.value === BLOCKED) return;
  if (running === null && answered.value === null && isForAll(request) && !(await turns())) {
    interrupter.replaceBlocked();
    return;
  }
  if (client.pendingBytes <= MAX_UNREAD) void client.send(answered);
}

/** Does somebody want to interrupt whatever runs, and wait for its end? */
function isForAll(request: ControlRequest): boolean {
  return request.type === 'interrupt' && request.drop === undefined && request.wait === true;
}

/**
 * Resolves true when the main loop has turned, or a task runs: at once, where the engine is idle. False: code that a task
 * has left behind blocks it.
 */
async function turns(): Promise<boolean> {
  tell({ do: 'turn' });
  while (board.get('commands') > 0 && board.running() === null) {
    if (mainLoop.blockedMs !== undefined) return false;
    await pause(PROOF_LOOK_MS);
  }
  return true;
}

/** Asks the main thread to end; ends the process if it does not answer. */
function shutdown(code: number, reason: string): void {
  if (stopping) return;
  stopping = true;
  tell({ do: 'shutdown', code, reason });
  setTimeout(() => {
    if (board.get('stopping') === 0) reaper.exit(code);
  }, SHUTDOWN_MS).unref();
}

function replyTo(request: ControlRequest, caller: string | undefined): ControlReply {
  const reply = { type: 'control-reply', id: request.id } as const;
  if (request.to !== uuid) {
    return { ...reply, ok: false, error: `this is engine incarnation ${uuid}, not ${request.to}` };
  }
  const error = refusalOf(request, caller);
  if (error !== undefined) return { ...reply, ok: false, error };
  try {
    const value = answer(request, side, (forwarded) => tell({ do: 'request', request: forwarded }), caller);
    return { ...reply, ok: true, value };
  } catch (failure) {
    // It is the failure of this request, never the end of the thread.
    const why = isOutOfDescriptors(failure) ? shortText() : String(failure);
    return { ...reply, ok: false, error: `${request.type} failed: ${why}` };
  }
}

async function close(): Promise<void> {
  reserved.close();
  await registration.close();
  await listener.close();
  await authentication?.close();
  removeSocketFiles(options);
  // The sockets' pollers go with the next turn of the loop.
  setImmediate(() => {
    board.wake('closed');
    process.exit(0);
  });
}
