import process from 'node:process';
import { ENGINE_EXIT } from '../../src/protocol/engine-options.ts';
import type { ControlRequest, EngineStatus, TaskId } from '../../src/protocol/messages.ts';
import type { StatusBoard } from '../queue/status-board.ts';
import { REASON } from '../queue/status-board.ts';
import type { TaskLoop } from '../queue/task-loop.ts';
import type { Interrupter } from './interrupter.ts';

/** The control thread, as requests use it. */
export interface ControlSide {
  readonly uuid: string;
  readonly board: StatusBoard;
  readonly interrupter: Interrupter;
  /** Ends the process with this exit code. */
  shutdown(code: number, reason: string): void;
}

/** The control thread serves it, also while the main thread computes; its value goes into the reply. */
interface Answered<R> {
  readonly in: 'control thread';
  run(request: R, side: ControlSide): unknown;
}

/** The control thread acknowledges it at once, and the main thread carries it out before the next task starts. */
interface CarriedOut<R> {
  readonly in: 'main thread';
  run(request: R, loop: TaskLoop): void;
}

type Handler<R> = Answered<R> | CarriedOut<R>;
type RequestOf<T extends ControlRequest['type']> = Extract<ControlRequest, { readonly type: T }>;

/** Milliseconds in which a task must end before the engine is replaced. */
export const REPLACE_GRACE_MS = 2000;

/** Every control request, in one table: it is complete, or it does not compile. */
const HANDLERS: { readonly [T in ControlRequest['type']]: Handler<RequestOf<T>> } = {
  ping: { in: 'control thread', run: () => undefined },
  status: { in: 'control thread', run: (_, side) => status(side) },
  interrupt: { in: 'control thread', run: ({ ids, grace }, side) => interrupt(side, ids, grace) },
  shutdown: { in: 'control thread', run: (_, side) => side.shutdown(ENGINE_EXIT.ok, 'a shutdown was asked for') },
  abort: { in: 'main thread', run: ({ ids }, loop) => loop.abort(ids) },
  purge: { in: 'main thread', run: ({ ids, client }, loop) => loop.purge(ids, client) },
};

/**
 * Serves a request in the control thread and gives the value for the reply. `forward` takes those that the main thread
 * must carry out.
 */
export function answer(
  request: ControlRequest,
  side: ControlSide,
  forward: (request: ControlRequest) => void,
): unknown {
  const handler: Handler<ControlRequest> = HANDLERS[request.type];
  return handler.in === 'control thread' ? handler.run(request, side) : forward(request);
}

/** Carries out a request in the main thread that the control thread has forwarded. */
export function carryOut(request: ControlRequest, loop: TaskLoop): void {
  const handler: Handler<ControlRequest> = HANDLERS[request.type];
  if (handler.in === 'main thread') handler.run(request, loop);
}

function status({ uuid, board }: ControlSide): EngineStatus {
  const running = board.running()?.id ?? null;
  const rss = process.memoryUsage.rss();
  return { uuid, pid: process.pid, running, ...board.ids(), completed: board.get('completed'), rss };
}

/** Ends the running task, if it is one of `ids`. Its id, or null. */
function interrupt(
  { board, interrupter }: ControlSide,
  ids: readonly TaskId[] | undefined,
  grace: number = REPLACE_GRACE_MS,
): TaskId | null {
  const running = board.running();
  if (running === null || (ids !== undefined && !ids.includes(running.id))) return null;
  interrupter.end(running.started, REASON.interrupt, grace);
  return running.id;
}
