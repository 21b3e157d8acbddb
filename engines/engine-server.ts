import { hostname } from 'node:os';
import process from 'node:process';
import { setTimeout } from 'node:timers';
import { PeerClosed } from '../src/comm/link.ts';
import type { Listener } from '../src/comm/transport.ts';
import { keepForLinks } from '../src/comm/zeromq/descriptors.ts';
import type { Body } from '../src/protocol/codec.ts';
import { type DeviceChoice, ENGINE_EXIT, type EngineOptions } from '../src/protocol/engine-options.ts';
import type { DeviceReport } from '../src/protocol/messages/engine-record.ts';
import type { EngineId, MailMessage, PeersInbound, TaskMessage, TasksInbound } from '../src/protocol/messages.ts';
import { listenChannels } from '../src/rpc/channel.ts';
import { PEERS, TASKS } from '../src/rpc/conversations.ts';
import { faultPoint, faultsOfSlot } from '../src/util/diagnostics/fault-point.ts';
import type { ContextOptions, ProbedContext } from './contexts/context.ts';
import type { FromControl } from './control/control.ts';
import { carryOut } from './control/control-requests.ts';
import { guardNode } from './control/guarded-node.ts';
import { sendBeforeEnd } from './control/last-replies.ts';
import { countTurns } from './control/main-loop.ts';
import { guardProcess } from './control/process-guard.ts';
import { removeSocketFiles } from './control/socket-files.ts';
import { endGroupOfOrphan } from './control/stdin.ts';
import { RECYCLED_BYTES } from './device/recycled-memory.ts';
import { createParts, type EngineParts } from './engine-parts.ts';
import { installGlobals } from './globals/globals.ts';
import { engineLog, logLine } from './log.ts';
import { openInspector } from './queue/monitor/inspector.ts';
import type { TaskClient } from './queue/queue-event.ts';
import { Callers } from './queue/rights.ts';
import { RETIRING } from './queue/status-board.ts';
import { refuseInput } from './user-code/no-input.ts';

/** Milliseconds in which the last reply of an engine that is not needed any more leaves. */
const LAST_REPLY_MS = 200;

/** Finds the engine's GPU context: `probeContext` of contexts/index.ts, or one for tests. @throws ContextError */
export type ProbeContext = (choice: DeviceChoice, options: ContextOptions) => Promise<ProbedContext>;

/** Characters of a reason that a client is told. */
const MAX_REASON = 2000;

/** Bytes that may wait for a client that does not read what was wrong with its messages. */
const MAX_UNREAD = 2 ** 24;

/** Milliseconds between two looks for results that nobody has collected for too long. */
const EXPIRY_MS = 30_000;

/** An engine process at work: it listens, registers, runs tasks and ends cleanly. */
export class EngineServer {
  readonly #options: EngineOptions;
  readonly #parts: EngineParts;
  readonly #log = engineLog('tasks');
  readonly #callers = new Callers();
  #listener: Listener | undefined;
  #peers: readonly Listener[] = [];
  #stopping = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    faultsOfSlot(options.slot);
    this.#parts = createParts(options);
    this.#parts.control.listen((message) => this.#command(message));
  }

  /** Listens and registers. @throws ContextError, ConnectionError */
  async start(probe: ProbeContext): Promise<void> {
    const { control, monitor, output, state } = this.#parts;
    this.#guardProcess();
    const probing = probe(this.#options.device, this.#options);
    const listening = control.admitting().then(() => Promise.all([this.#listen(), this.#listenToPeers()]));
    const [probed, [listener, [peers, near]]] = await Promise.all([probing, listening, control.guarded()]);
    this.#listener = listener;
    this.#peers = near === undefined ? [peers] : [peers, near];
    this.#install(probed);
    countTurns(this.#parts.board);
    monitor.flush = output.flush = () => listener.flush();
    monitor.watch();
    const { outboxAge = 4 * EXPIRY_MS } = this.#options;
    setInterval(() => this.#parts.loop.expire(), Math.min(EXPIRY_MS, outboxAge / 4)).unref();
    faultPoint('engine.start');
    const { uuid } = state.identity;
    const ends = { tasks: listener.endpoint, peers: peers.endpoint };
    const { job, rank, until } = this.#options;
    const card = isOnCard(probed.report) ? this.#options.card : undefined;
    const where = { host: hostname(), machine: state.peers.machine, ...ends, near: near?.endpoint };
    const record = { uuid, pid: process.pid, ...where, device: probed.report, card, job, rank, until };
    if (this.#options.inspect !== undefined) control.inspector(openInspector());
    control.register(record);
    keepForLinks();
  }

  /** Ends the process. Idempotent. */
  async stop(code: number, reason: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const { board, control, loop, state } = this.#parts;
    loop.stop();
    board.set('stopping', 1);
    if (reason !== '') logLine(`${state.identity.name} (${process.pid}) ends: ${reason}`);
    await Promise.allSettled([
      this.#listener?.close(),
      ...this.#peers.map((peers) => peers.close()),
      state.peers.close(),
      state.context.close(),
    ]);
    await control.close();
    process.exit(code);
  }

  #guardProcess(): void {
    guardProcess(this.#log, this.#parts.runner);
    sendBeforeEnd(() => this.#listener?.flush());
    process.on('SIGTERM', () => void this.stop(ENGINE_EXIT.ok, 'SIGTERM'));
    process.on('exit', () => {
      removeSocketFiles(this.#options);
      endGroupOfOrphan();
    });
  }

  #install(probed: ProbedContext): void {
    const { capture, methods, runner, state } = this.#parts;
    state.context.found(probed);
    installGlobals(this.#parts, probed.report);
    capture.install();
    guardNode(this.#parts.door);
    refuseInput();
    runner.install();
    methods.watchOutput();
    state.namespace.markBaseline();
  }

  #listen(): Promise<Listener> {
    const { bodies, loop, transport } = this.#parts;
    return listenChannels(
      { transport, endpoint: this.#options.tasks, conversation: TASKS },
      {
        message: (message, body, client) => this.#receive(message, body, client),
        down: (reason, client) => {
          // Tasks of a client that said goodbye run on: others may fetch their results.
          if (!(reason instanceof PeerClosed)) loop.clientDown(client);
          bodies.clientDown(client);
        },
        dropped: (error, client, id) => this.#dropped(error, client, id),
        destination: (part, bytes, read) => this.#destination(part, bytes, read),
      },
    );
  }

  async #listenToPeers(): Promise<readonly [Listener, Listener | undefined]> {
    const { peers, near } = this.#options;
    return Promise.all([this.#listenToPeersAt(peers), near === undefined ? undefined : this.#listenToPeersAt(near)]);
  }

  #listenToPeersAt(endpoint: string): Promise<Listener> {
    const { transport, relay } = this.#parts;
    return listenChannels(
      { transport, endpoint, conversation: PEERS },
      {
        message: (message, body) => this.#receiveFromPeer(message, body),
        destination: (_, bytes, read) => relay.destination(read, bytes),
        dropped: (error) => this.#log.write(`a message of another engine was dropped: ${error.message}`),
      },
    );
  }

  // User code sees the operands of no product, so that they may lie in the device's own memory. Part 0 is the header, part 1
  // the structure of the values.
  #destination(part: number, bytes: number, read: () => TasksInbound): Uint8Array | undefined {
    if (bytes < RECYCLED_BYTES) return undefined;
    const { context, recycled } = this.#parts.state;
    const task = taskOf(read);
    if (task?.method === 'matmul' || task?.method === 'ring') return context.opened?.receive?.(bytes);
    return part === 2 && task?.method === 'push' && task.relayed === undefined ? recycled.take(bytes) : undefined;
  }

  // The client must know: it would wait for ever.
  #dropped({ message: reason }: Error, client: TaskClient, id: string | undefined): void {
    this.#log.write(`a message was dropped: ${reason}`);
    if ((client.pendingBytes ?? 0) > MAX_UNREAD) return;
    void client.send({ type: 'dropped', id, reason: reason.slice(0, MAX_REASON) });
  }

  #receive(message: TasksInbound, body: Body, client: TaskClient): void {
    const { bodies, loop, relay } = this.#parts;
    if (message.type === 'task') this.#task(message, body, client);
    else if (message.type === 'fetch') loop.fetch(message.id, client);
    else if (message.type === 'hello') this.#callers.hello(client, message);
    else if (message.type === 'body') {
      this.#callers.mustOwn(client, message.id);
      bodies.offer(message.id, body);
    } else {
      this.#callers.mustOwnKey(client, message.key);
      relay.arrive(message, body[0] as Uint8Array);
    }
  }

  #receiveFromPeer(message: PeersInbound, body: Body): void {
    if (message.type === 'mail') this.#mail(message, body);
    else this.#parts.relay.arrive(message, body[0] as Uint8Array);
  }

  // A client that had lost its link sends its tasks again, with the bodies that a running task may wait for.
  #task(message: TaskMessage, body: Body, client: TaskClient): void {
    this.#callers.mustOwn(client, message.id);
    if (message.relayed !== undefined) this.#callers.mustOwnKey(client, message.relayed.key);
    this.#parts.bodies.offer(message.id, body);
    this.#parts.loop.arrive(message, body, client);
  }

  #mail(message: MailMessage, body: Body): void {
    const { collectives, state } = this.#parts;
    if (!collectives.deliver(message, body)) state.peers.deliver(message, body);
  }

  #clientGone(client: string): void {
    this.#parts.loop.clientGone(client);
    this.#parts.state.provided.forget(client);
  }

  // A task that needs no peers starts without a roster.
  #registered(id: EngineId): void {
    const { loop, state } = this.#parts;
    state.identity.id = id;
    if (!state.peers.isFollowing) loop.roster(Number.MAX_SAFE_INTEGER);
  }

  // A task that comes after the last one finds this engine gone before it started: load-balanced calls give it to another one.
  #retire(isOver: boolean): void {
    if (isOver) this.#parts.loop.whenIdle(undefined);
    else this.#parts.loop.whenIdle(() => this.#leave());
  }

  // The control thread may have promised meanwhile that it stays: the first of the two wins.
  #leave(): void {
    if (!this.#parts.board.change('retiring', RETIRING.asked, RETIRING.ends)) return;
    this.#parts.loop.stop();
    // The end of a link drops what waits in it: the last reply does, until the end of this turn. libzmq drops what it has just
    // taken, too, when the socket is closed at once.
    this.#listener?.flush();
    setTimeout(() => void this.stop(ENGINE_EXIT.ok, 'it was not needed any more'), LAST_REPLY_MS);
  }

  #command(message: FromControl): void {
    const { board, loop, runner, state } = this.#parts;
    if (message.do === 'registered') this.#registered(message.id);
    else if (message.do === 'roster') {
      state.peers.roster(message.message);
      loop.roster(state.peers.version);
    } else if (message.do === 'client-gone') this.#clientGone(message.client);
    else if (message.do === 'request') carryOut(message.request, loop);
    else if (message.do === 'retire') this.#retire(message.over);
    else if (message.do === 'shutdown') void this.stop(message.code, message.reason);
    // A later task must not end in place of the one that was meant.
    else if (message.do === 'interrupt' && board.get('started') === message.started) runner.interrupt();
  }
}

/** The message of a task, while its body still comes; undefined for others. */
function taskOf(read: () => TasksInbound): TaskMessage | undefined {
  try {
    const message = read();
    return message.type === 'task' ? message : undefined;
  } catch {
    // The header is wrong: whoever takes the message says so.
    return undefined;
  }
}

const ON_CARDS: readonly DeviceReport['kind'][] = ['webgpu', 'cuda', 'headlessgl'];

/** Does the engine compute on a card, and not on the processor? */
const isOnCard = ({ kind, software }: DeviceReport): boolean => ON_CARDS.includes(kind) && !software;
