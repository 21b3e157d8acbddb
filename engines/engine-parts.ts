import { hostname } from 'node:os';
import { clusterTransport } from '../src/comm/by-scheme.ts';
import type { Transport } from '../src/comm/transport.ts';
import { Credentials } from '../src/comm/zeromq/credentials.ts';
import type { EngineOptions } from '../src/protocol/engine-options.ts';
import type { EngineId } from '../src/protocol/messages.ts';
import { Collectives } from './collectives/collectives.ts';
import { Control } from './control/control.ts';
import { SignalDoor } from './control/door.ts';
import { Health } from './control/health.ts';
import { Bridge } from './device/bridge.ts';
import { isOnDevice, onHostOnly } from './device/host-values.ts';
import { LazyContext } from './device/lazy-context.ts';
import { Libraries } from './device/libraries.ts';
import { RecycledMemory } from './device/recycled-memory.ts';
import { isDeviceTensor, isHostNumbers, Residency } from './device/residency.ts';
import { UserKernels } from './device/user-kernels.ts';
import type { EngineState } from './engine-state.ts';
import { Identity } from './identity.ts';
import { Peers } from './peers/peers.ts';
import { Relay } from './peers/relay.ts';
import { RelayedBodies } from './peers/relayed-bodies.ts';
import { BuiltInMethods } from './queue/built-in-methods.ts';
import { clientOf } from './queue/fair-queue.ts';
import { breakForDebugger } from './queue/monitor/inspector.ts';
import { TaskMonitor } from './queue/monitor/task-monitor.ts';
import { TaskRing } from './queue/monitor/task-ring.ts';
import type { TaskClient } from './queue/queue-event.ts';
import { recordFile } from './queue/record-file.ts';
import { createRevivers } from './queue/revivers.ts';
import { Runner, type RunnerOptions } from './queue/runner.ts';
import { StatusBoard } from './queue/status-board.ts';
import { TaskLoop } from './queue/task-loop.ts';
import { TaskOutput } from './queue/task-output.ts';
import { TaskQueue } from './queue/task-queue.ts';
import { Capture } from './user-code/capture.ts';
import { Evaluator } from './user-code/evaluate.ts';
import { UserNamespace } from './user-code/namespace.ts';
import { ProvidedNames } from './user-code/provided-names.ts';
import { heldBy } from './verbs/memory.ts';
import { dropProfile } from './verbs/profile.ts';

/** Aborts overtake their tasks: most of a hundred thousand are still on their way then. An id takes about 100 bytes. */
const REMEMBERED_ABORTS = 250_000;

/** The parts of an engine that the server and the globals of user code hold. */
export interface EngineParts {
  readonly transport: Transport;
  readonly board: StatusBoard;
  readonly door: SignalDoor;
  readonly control: Control;
  readonly output: TaskOutput;
  readonly methods: BuiltInMethods;
  readonly capture: Capture;
  readonly libraries: Libraries;
  readonly relay: Relay;
  readonly bodies: RelayedBodies;
  readonly collectives: Collectives;
  readonly state: EngineState;
  readonly runner: Runner;
  readonly loop: TaskLoop;
  readonly monitor: TaskMonitor;
  readonly site: EngineSite;
  /** The seed of `engine.random`. */
  readonly seed: number;
}

/** Where an engine runs: its host, and the scheduler's job where there is one. */
export interface EngineSite {
  readonly host: string;
  readonly job: string | undefined;
}

/** Makes and wires the parts from the bottom to the top: each takes only parts that exist already. */
export function createParts(options: EngineOptions): EngineParts {
  const identity = new Identity();
  const transport = clusterTransport({ credentials: options.credentials && new Credentials(options.credentials) });
  const board = new StatusBoard();
  // The threads of control start first: tasks wait for them.
  const ring = new TaskRing();
  const control = new Control(board, ring, identity.uuid, options);

  const queue = new TaskQueue<TaskClient>({
    identity,
    outboxBytes: options.outboxBytes,
    outboxAge: options.outboxAge,
    rememberedAborts: REMEMBERED_ABORTS,
    isOpen: (client) => client.isOpen === true,
  });
  const output = new TaskOutput(queue);
  const capture = new Capture((_, stream, text) => output.text(stream, text));

  const recycled = new RecycledMemory();
  const residency = new Residency((value) => namespace.isUnseen(value));
  const namespace: UserNamespace = new UserNamespace(() => identity.name, {
    isNumbers: (value): value is object => isHostNumbers(value) || isDeviceTensor(value),
    isCollected: isOnDevice,
    seen: (value) => residency.seen(value),
    released: (value) => residency.release(value),
    read: (value) => recycled.read(value),
    replaced: (value) => recycled.replaced(value),
  });
  const evaluator = new Evaluator(namespace, () => identity.name);
  const context = new LazyContext(namespace);
  const libraries = new Libraries({
    identity,
    context,
    bridge: new Bridge(context, (value) => namespace.nameOf(value)),
    namespace,
  });
  const methods = new BuiltInMethods();
  const revivers = createRevivers({ evaluator, libraries, methods }, namespace);

  const onHost = (value: unknown) => (context.opened === null ? value : onHostOnly(value));
  const peers = new Peers({ identity, transport, revivers: revivers.shown, current: queue, onHost, control });
  const relay = relayOf(peers, recycled);
  peers.onGone((id, why) => relay.gone(id, why));
  const bodies = new RelayedBodies(relay, peers);
  const collectives = new Collectives(peers, relay, queue);

  const kernels = new UserKernels(identity);
  const provided = new ProvidedNames({ namespace, evaluator, revivers: revivers.shown, clientOf });
  evaluator.errors.explain = (name) => provided.reasonOf(name);
  const own = { identity, namespace, evaluator, context, residency, peers, kernels, provided, recycled };
  const state: EngineState = { ...own, results: queue, executionCount: 0 };
  const health = new Health(board);
  const door = new SignalDoor(board);
  const told = hooksOf(options, health);
  const runner = new Runner({ door, state, libraries, capture, output, board, bodies, revivers, methods, ...told });
  const monitor = new TaskMonitor({ ring, link: control, count: () => heldBy(state) });
  const record = recordFile(options);
  const loop = new TaskLoop({ queue, board, runner, control, collectives, record, health, monitor });
  return {
    transport,
    board,
    door,
    control,
    output,
    methods,
    capture,
    libraries,
    relay,
    bodies,
    collectives,
    state,
    runner,
    loop,
    monitor,
    site: { host: hostname(), job: options.job },
    seed: options.seed ?? 0,
  };
}

/** Bodies that engines pass on, into memory of values that nobody has read. */
function relayOf(peers: Peers, recycled: RecycledMemory): Relay {
  const options = { isNear: (id: EngineId) => peers.isNear(id), memory: (bytes: number) => recycled.take(bytes) };
  return new Relay((to, message, chunk) => peers.message(to, message, [chunk]), options);
}

/** The moments of tasks that others are told of. */
function hooksOf({ inspect }: EngineOptions, health: Health): Pick<RunnerOptions, 'interrupted' | 'firstTask'> {
  const interrupted = () => {
    health.interrupted();
    dropProfile();
  };
  return { interrupted, firstTask: inspect === 'brk' ? breakForDebugger : undefined };
}
