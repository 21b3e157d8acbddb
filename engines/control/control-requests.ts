import process from 'node:process';
import { ENGINE_EXIT } from '../../src/protocol/engine-options.ts';
import type { ControlMethod, ControlRequest, ControlValue, EngineStatus } from '../../src/protocol/messages/control.ts';
import type { RecentTasks } from '../../src/protocol/messages/monitoring.ts';
import type { TaskId } from '../../src/protocol/messages.ts';
import { residentBytes } from '../../src/util/system/resident-bytes.ts';
import { clientOf } from '../queue/fair-queue.ts';
import type { ControlMonitor } from '../queue/monitor/control-monitor.ts';
import { mayTouch } from '../queue/rights.ts';
import type { StatusBoard } from '../queue/status-board.ts';
import { REASON } from '../queue/status-board.ts';
import type { TaskLoop } from '../queue/task-loop.ts';
import type { Interrupter } from './interrupter.ts';
import type { MainLoop } from './main-loop.ts';

/** The control thread, as requests use it. */
export interface ControlSide {
  readonly uuid: string;
  readonly board: StatusBoard;
  readonly interrupter: Interrupter;
  readonly mainLoop: Pick<MainLoop, 'blockedMs'>;
  /** Tells what the engine does, for status and dashboards. */
  readonly monitor?: Pick<ControlMonitor, 'status' | 'recent'> | undefined;
  /** For status: the limit of descriptors, where none is left. */
  readonly descriptorLimit?: (() => Pick<EngineStatus, 'descriptorLimit'> | undefined) | undefined;
  /** Ends the process with this exit code. */
  shutdown(code: number, reason: string): void;
}

/** Hands a request to the main thread. */
type Forward = (request: ControlRequest) => void;

/** The control thread serves it, also while the main thread computes; its value goes into the reply. */
interface Answered<M extends ControlMethod> {
  readonly in: 'control thread';
  run(request: ControlRequest<M>, side: ControlSide, forward: Forward, caller?: string): ControlValue<{ type: M }>;
}

/** The control thread acknowledges it at once, and the main thread carries it out before the next task starts. */
interface CarriedOut<M extends ControlMethod> {
  readonly in: 'main thread';
  run(request: ControlRequest<M>, loop: TaskLoop): void;
}

type Handler<M extends ControlMethod = ControlMethod> = Answered<M> | CarriedOut<M>;

/** Without a value there is nothing to wait for: the main thread may carry it out. */
type HandlerOf<M extends ControlMethod> = ControlValue<{ type: M }> extends undefined ? Handler<M> : Answered<M>;

/** Stands for the code that a task has left behind, in place of a task's id. */
export const BLOCKED = 'code that a task left behind';

/** Milliseconds in which a task must end before the engine is replaced. */
export const REPLACE_GRACE_MS = 2000;

const NO_IDS = { queue: [], outbox: [] };
const NOTHING_RECENT: RecentTasks = { count: 0, tasks: [], failures: [] };

/** Every control request, in one table: it is complete, or it does not compile. */
const HANDLERS: { readonly [M in ControlMethod]: HandlerOf<M> } = {
  ping: { in: 'control thread', run: () => undefined },
  status: { in: 'control thread', run: ({ brief }, side) => status(side, brief === true) },
  recent: { in: 'control thread', run: ({ since }, { monitor }) => monitor?.recent(since ?? 0) ?? NOTHING_RECENT },
  interrupt: { in: 'control thread', run: interrupt },
  shutdown: { in: 'control thread', run: (_, side) => void side.shutdown(ENGINE_EXIT.ok, 'a shutdown was asked for') },
  abort: { in: 'main thread', run: ({ ids }, loop) => loop.abort(ids) },
  purge: { in: 'main thread', run: ({ ids, client }, loop) => loop.purge(ids, client) },
};

/**
 * Serves a request in the control thread and gives the value for the reply. `forward` takes those that the main thread
 * must carry out. `caller`: the client that asks, if it has proved its name.
 */
export function answer(request: ControlRequest, side: ControlSide, forward: Forward, caller?: string): unknown {
  const handler: Handler = HANDLERS[request.type];
  return handler.in === 'control thread' ? handler.run(request, side, forward, caller) : forward(request);
}

/** Carries out a request in the main thread that the control thread has forwarded. */
export function carryOut(request: ControlRequest, loop: TaskLoop): void {
  const handler: Handler = HANDLERS[request.type];
  if (handler.in === 'main thread') handler.run(request, loop);
}

function status({ uuid, board, mainLoop, monitor, descriptorLimit }: ControlSide, brief: boolean): EngineStatus {
  const running = board.running()?.id ?? null;
  const status = {
    uuid,
    pid: process.pid,
    running,
    ...(brief ? NO_IDS : board.ids()),
    completed: board.get('completed'),
    rss: residentBytes(),
    ...monitor?.status(),
    ...descriptorLimit?.(),
  };
  const { blockedMs } = mainLoop;
  return blockedMs === undefined ? status : { ...status, blockedMs };
}

/**
 * Ends the running task, if it is meant; its id. Else null, and the tasks to drop never start. Code that a task has left
 * behind goes with the engine: whatever is meant waits behind it.
 */
function interrupt(
  { id, to, ids, client, drop, others, grace = REPLACE_GRACE_MS }: ControlRequest<'interrupt'>,
  { board, interrupter, mainLoop }: ControlSide,
  forward: Forward,
  caller?: string,
): TaskId | null {
  const running = board.running();
  const isMeant = (task: TaskId) =>
    (ids?.includes(task) ?? true) &&
    (client === undefined || clientOf(task) === client) &&
    mayTouch(task, caller, others);
  if (running !== null && isMeant(running.id)) {
    interrupter.end(running.started, REASON.interrupt, grace);
    return running.id;
  }
  // Without tasks to drop: those can wait for the engine to take the request.
  if (running === null && drop === undefined && mainLoop.blockedMs !== undefined) {
    interrupter.replaceBlocked();
    return BLOCKED;
  }
  if (drop !== undefined) forward({ type: 'abort', id, to, ids: drop });
  return null;
}
