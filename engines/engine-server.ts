// An engine process at work: listens, registers, feeds the core and carries out its instructions, ends cleanly.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import process from 'node:process';
import type { Listener } from '../src/comm/transport.ts';
import { zeromqTransport } from '../src/comm/zeromq.ts';
import { type Body, decodeBody } from '../src/protocol/codec.ts';
import { ENGINE_EXIT, type EngineOptions } from '../src/protocol/engine-options.ts';
import type {
  DeviceReport,
  EngineRecord,
  MailMessage,
  TaskMessage,
  TasksInbound,
  TasksOutbound,
} from '../src/protocol/messages.ts';
import { type Channel, listenChannels } from '../src/rpc/channel.ts';
import { TASKS } from '../src/rpc/conversations.ts';
import { Collectives } from './collectives/collectives.ts';
import type { ContextOptions, GpuContext } from './contexts/context.ts';
import { Control, type FromControl } from './control/control.ts';
import { removeSocketFiles } from './control/ipc-files.ts';
import { Board } from './control/status-board.ts';
import { Bridge } from './device/bridge.ts';
import { Residency } from './device/residency.ts';
import { Kernels } from './device/user-kernels.ts';
import { installGlobals } from './globals.ts';
import { engineLog, logLine } from './log.ts';
import { Peers } from './peers/peers.ts';
import { Relay } from './peers/relay.ts';
import { RelayedBodies } from './peers/relayed-bodies.ts';
import { Runner } from './queue/runner.ts';
import { TaskLoop } from './queue/task-loop.ts';
import { Engine, type Identity } from './queue/task-queue.ts';
import { Capture } from './user-code/capture.ts';
import { Evaluator } from './user-code/evaluate.ts';
import { Libraries } from './user-code/libraries.ts';
import { Namespace } from './user-code/namespace.ts';
import type { Session } from './verbs/verb.ts';

/** A context that can be had: what it will be, and how to open it. `engines/contexts/index.ts` makes it. */
export interface ProbedContext {
  readonly report: DeviceReport;
  open(): Promise<GpuContext>;
}

export type ProbeContext = (choice: EngineOptions['device'], options: ContextOptions) => Promise<ProbedContext>;

export class EngineServer {
  readonly #options: EngineOptions;
  readonly #identity: Identity = { uuid: randomUUID(), id: -1 };
  readonly #board = new Board();
  readonly #loop: TaskLoop;
  readonly #transport = zeromqTransport();
  readonly #log = engineLog('tasks');
  readonly #residency = new Residency();
  readonly #namespace: Namespace;
  readonly #capture: Capture;
  readonly #libraries: Libraries;
  readonly #peers: Peers;
  readonly #relay: Relay;
  readonly #bodies: RelayedBodies;
  readonly #collectives: Collectives;
  readonly #session: Session;
  readonly #runner: Runner;
  readonly #control: Control;
  #probed: ProbedContext | undefined;
  #opening: Promise<GpuContext> | undefined;
  #opened: GpuContext | null = null;
  #listener: Listener | undefined;
  #stopping = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { outboxBytes } = options;
    const core = new Engine<Channel<TasksOutbound>>({
      identity: this.#identity,
      ...(outboxBytes === undefined ? {} : { outboxBytes }),
    });
    this.#namespace = new Namespace(
      () => this.#name,
      (value) => this.#residency.release(value),
    );
    this.#capture = new Capture((_, stream, text) => this.#loop.output({ stream, text }));
    this.#libraries = new Libraries({
      context: () => this.#context(),
      bridge: new Bridge(() => this.#opened),
      adopting: (load) => this.#namespace.adopting(load),
    });
    this.#session = this.#makeSession();
    this.#runner = new Runner({
      session: this.#session,
      libraries: this.#libraries,
      capture: this.#capture,
      board: this.#board,
    });
    this.#peers = new Peers(
      this.#identity,
      this.#transport,
      (body) => decodeBody(body, this.#runner.revivers),
      () => this.#loop.running?.roster,
    );
    this.#relay = new Relay((to, message, chunk) => this.#peers.message(to, message, [chunk]));
    this.#peers.onGone((id, why) => this.#relay.gone(id, why));
    this.#bodies = new RelayedBodies(this.#relay);
    this.#collectives = new Collectives(this.#peers, this.#relay, () => this.#loop.running);
    const take = (message: FromControl) => this.#command(message);
    this.#control = new Control(this.#board, this.#identity.uuid, options, take);
    this.#loop = new TaskLoop({
      core,
      board: this.#board,
      run: (message, body, client) =>
        this.#runner.run(message, message.relayed === undefined ? body : this.#bodies.fetch(message, client)),
      drain: () => this.#control.drain(take),
      deadline: (started, ms) => this.#control.send({ do: 'deadline', started, ms }),
      ended: (message, failed) => this.#collectives.ended(message, failed),
    });
  }

  /** Listens and registers. @throws ContextError, ConnectionError */
  async start(probe: ProbeContext): Promise<void> {
    this.#guardProcess();
    const probing = probe(this.#options.device, this.#options);
    const [probed, listener] = await Promise.all([probing, this.#listen(), this.#control.guarded()]);
    this.#probed = probed;
    this.#listener = listener;
    this.#install(probed.report);
    const engine = { uuid: this.#identity.uuid, pid: process.pid, host: hostname(), tasks: listener.endpoint };
    this.#control.send({ do: 'register', engine: { ...engine, device: probed.report } });
  }

  /** Ends the process. Idempotent. */
  async stop(code: number, reason: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#loop.stop();
    this.#board.set('stopping', 1);
    if (reason !== '') logLine(`${this.#name} (${process.pid}) ends: ${reason}`);
    await Promise.allSettled([this.#listener?.close(), this.#peers.close(), this.#opened?.close()]);
    await this.#control.close();
    process.exit(code);
  }

  get #name(): string {
    return `engine ${this.#identity.id}`;
  }

  #makeSession(): Session {
    const peers = () => this.#peers;
    return {
      identity: this.#identity,
      namespace: this.#namespace,
      evaluator: new Evaluator(this.#namespace, () => this.#name),
      residency: this.#residency,
      // Made after the session, as it decodes what comes with the session's revivers.
      get peers() {
        return peers();
      },
      kernels: new Kernels(),
      executionCount: 0,
      context: () => this.#context(),
      opened: () => this.#opened,
    };
  }

  #install(device: DeviceReport): void {
    const emit = (stream: 'display' | 'data', value: unknown) => this.#loop.output({ stream, value });
    installGlobals({
      session: this.#session,
      peers: this.#peers,
      collectives: this.#collectives,
      libraries: this.#libraries,
      capture: this.#capture,
      device,
      emit,
    });
    this.#capture.install();
    this.#namespace.markBaseline();
  }

  // Nothing that user code leaves behind may end the engine; only the process's own exit does.
  #guardProcess(): void {
    const lost = (what: string) => (error: unknown) => this.#log.write(`${what}: ${(error as Error)?.stack ?? error}`);
    process.on('uncaughtException', lost('an exception outside any task'));
    process.on('unhandledRejection', lost('a rejection that nobody handles'));
    // Node's own warnings belong to the log, not to the stderr of the task that happened to run.
    process.removeAllListeners('warning');
    process.on('warning', (warning) => this.#log.write(`${warning.name}: ${warning.message}`));
    process.on('SIGTERM', () => void this.stop(ENGINE_EXIT.ok, 'SIGTERM'));
    process.on('exit', () => removeSocketFiles([this.#options.tasks, this.#options.control]));
  }

  #context(): Promise<GpuContext> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<GpuContext> {
    if (this.#probed === undefined) throw new Error(`${this.#name} has no GPU context yet`);
    const { open } = this.#probed;
    this.#opened = await this.#namespace.adopting(open);
    return this.#opened;
  }

  #listen(): Promise<Listener> {
    const { tasks: endpoint } = this.#options;
    return listenChannels(
      { transport: this.#transport, endpoint, conversation: TASKS },
      {
        message: (message, body, channel) => this.#receive(message, body, channel),
        down: (_, channel) => {
          this.#loop.clientDown(channel);
          this.#bodies.clientDown(channel);
        },
        dropped: (error) => this.#log.write(`a message was dropped: ${error.message}`),
      },
    );
  }

  #receive(message: TasksInbound, body: Body, client: Channel<TasksOutbound>): void {
    if (message.type === 'task') this.#task(message, body, client);
    else if (message.type === 'fetch') this.#loop.fetch(message.id, client);
    else if (message.type === 'body') this.#bodies.offer(message.id, body);
    else if (message.type === 'mail') this.#deliver(message, body);
    else this.#relay.arrive(message, body[0] as Uint8Array);
  }

  // A client that had lost its link sends again, and directly, what the running task may be waiting for.
  #task(message: TaskMessage, body: Body, client: Channel<TasksOutbound>): void {
    this.#bodies.offer(message.id, body);
    this.#loop.arrive(message, body, client);
  }

  #deliver(message: MailMessage, body: Body): void {
    if (!this.#collectives.deliver(message, body)) this.#peers.deliver(message, body);
  }

  #roster(engines: readonly EngineRecord[], version: number): void {
    this.#peers.roster(engines, version);
    this.#loop.roster(version);
  }

  #command(message: FromControl): void {
    if (message.do === 'registered') this.#identity.id = message.id;
    else if (message.do === 'roster') this.#roster(message.engines, message.version);
    else if (message.do === 'abort') this.#loop.abort(message.ids);
    else if (message.do === 'purge') this.#loop.purge(message.ids, message.client);
    else if (message.do === 'shutdown') void this.stop(message.code, message.reason);
    else if (this.#board.get('started') === message.started) this.#runner.interrupt();
  }
}
