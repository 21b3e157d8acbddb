import type { Fate } from '../../protocol/messages/fate.ts';
import type { EngineId } from '../../protocol/messages.ts';

/**
 * `queued`: the system has taken it and gives it no place yet; `starting`: it has a place, nothing runs there yet;
 * `running`: its agent, or its engine, runs; `unknown`: its system does not answer, so that it counts as before; `ended`: nothing of it runs any more.
 */
export type PlacementState = 'queued' | 'starting' | 'running' | 'unknown' | 'ended';

/**
 * `exit`: its own processes ended; `node`: its host failed; `system`: the scheduler ended it (a time limit, a cancel,
 * pre-emption); `unknown`: nobody can say. Engines of an unknown end live on until they answer no ping.
 */
export type EndCause = 'exit' | 'node' | 'system' | 'unknown';

/** Where a placement is, as far as its system tells. */
export interface PlacementSite {
  readonly host?: string | undefined;
  /** The number of the job, as its scheduler writes it. */
  readonly job?: string | undefined;
}

/** One agent on one host, with the engines of its slots. A local engine is a placement of its own. */
export interface Placement {
  readonly slots: readonly EngineId[];
  readonly state: PlacementState;
  readonly where?: PlacementSite | undefined;
  /**
   * The system's words about the state: `Resources, estimated start 14:44:35`. For the state `ended` it completes the
   * sentence "engine 3 …".
   */
  readonly why?: string | undefined;
  /** Only for the state `ended`; default `exit`. */
  readonly cause?: EndCause | undefined;
}

/** One engine process, as the side that started it knows it. */
export interface EngineHandle {
  /** The id that the roster has reserved for it. */
  readonly slot: EngineId;
  readonly pid: number;
  /** The last lines that it wrote, default 20, for error messages. */
  output(lines?: number): string;
  /** Which tasks had started when the engine died; undefined if nobody keeps a record. Read it after the death. */
  fate(): Fate | undefined;
}

/** The end of an engine process; `code` is null when a signal ended it. */
export interface EngineExit {
  readonly handle: EngineHandle;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The reason why it could not be started at all. */
  readonly error?: Error | undefined;
  /** The words of the system that ended it, in place of code and signal. They complete the sentence "engine 3 …". */
  readonly why?: string | undefined;
  /** A signal to its agent has ended it: its system knows why. */
  readonly bySystem?: boolean | undefined;
}

/** The part of a launch that one agent takes. */
export interface AgentShare {
  /** Default: all engines of the launch, of which each agent takes those of its rank. */
  readonly slots?: readonly EngineId[] | undefined;
  /** How many engines an agent takes, default 1: the one with rank r begins at number r × perAgent of `slots`. */
  readonly perAgent?: number | undefined;
  /** The agent's rank; default: it reads the variables of Slurm, MPI and Kubernetes. */
  readonly rank?: number | undefined;
  /**
   * How many engines of this cluster stand on its host before its own: engines of one host take its cards in turn. Default: it
   * reads its local rank from the variables of Slurm and MPI.
   */
  readonly firstPlace?: number | undefined;
  /** The number of its job; default: it reads the variables of its scheduler. */
  readonly job?: string | undefined;
  /** The controller's address as the agent sees it, where that is another one than here. */
  readonly controller?: string | undefined;
  /** The private folder of the engines' sockets, where they are not tcp ports; default: one that the agent makes. */
  readonly sockets?: string | undefined;
}

/** The program that a launcher has its system run on the other host. */
export interface AgentProgram {
  /** Program and arguments, without any secret: `[node, …/main.js, 'agent']`. */
  readonly command: readonly string[];
  /** The controller's address as this host sees it: `unix://…` in a private folder, or `tcp://…`. */
  readonly controller: string;
  /**
   * The options of an agent as one line of JSON, with the cluster's keys, for the program's standard input. Never put it
   * into arguments or variables. When that input ends, the agent ends.
   */
  line(share?: AgentShare): string;
  /**
   * Writes that line into a file that its owner alone can read, in a folder that hosts usually share, and returns its path:
   * for `agent --options-file PATH`, where no input reaches the program. The file goes with the cluster.
   */
  file(share?: AgentShare): string;
}

/** The engines that a launcher must find places for. */
export interface LaunchRequest {
  /** The ids of the engines. */
  readonly slots: readonly EngineId[];
  /** 0: the engines compute on the processor. */
  readonly gpusPerEngine: number;
  readonly cpusPerEngine: number;
  /** All of them at once, or none. */
  readonly gang: boolean;
  readonly agent: AgentProgram;
  /** The name of the cluster, for the names of jobs: letters, digits, `.`, `_` and `-`. */
  readonly cluster: string;
}

/** How and which engines are ended. */
export interface StopOptions {
  /** Milliseconds between asking (SIGTERM) and killing (SIGKILL); default 5000. */
  readonly grace?: number | undefined;
  /** Default: all, also those that are still queued. */
  readonly slots?: readonly EngineId[] | undefined;
}

/**
 * Finds places for engines on some system, starts agents there, and ends them. A launcher is one file: it does not know
 * the network, the engines' registration, or single engines, which the agents look after. See docs/launchers.md.
 */
export interface Launcher {
  /** The name of its system, for errors and for the JSON: `slurm`. */
  readonly kind: string;
  /** `attached`: its placements end with this process; `detached`: the system keeps them. */
  readonly lifetime: 'attached' | 'detached';
  /** False if the engines are its own children and have no agents; default true. */
  readonly isRemote?: boolean | undefined;
  /** How its engines are reached: over tcp with the cluster's keys (default), or by Unix sockets that it forwards. */
  readonly sockets?: 'tcp' | 'unix' | undefined;
  /** How many engines it has places for, where that is known: the default of `engines`. */
  readonly places?: number | undefined;
  /**
   * Asks the system for places. Resolves with what it has accepted, which may wait in its queue.
   * @throws ClusterError in the system's own words, where it refuses; AbortError
   */
  start(request: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]>;
  /** The states as the system tells them now. One failed query changes nothing. Absent: `onState` tells all. */
  poll?(): Promise<readonly Placement[]>;
  /** A signal by way of the system, for agents that do not answer. @throws ClusterError where the system has no such signal */
  signal(signal: NodeJS.Signals, slots: readonly EngineId[]): Promise<void>;
  /** Ends the placements of these slots and waits for their end. Idempotent. Agents have been asked before. */
  stop(options?: StopOptions): Promise<void>;
  /** Ends all at once without waiting: all that an `exit` handler may do. */
  kill(): void;
  /** Calls `listener` for each change of a placement. A slot belongs to the last start that named it. */
  onState(listener: (placement: Placement) => void): void;
  /** Only where this launcher holds the engines' processes itself: calls `listener` once for the end of each. */
  onExit?(listener: (exit: EngineExit) => void): void;
  /** Only where it holds the processes itself: the one in this slot, if it runs. */
  handle?(slot: EngineId): EngineHandle | undefined;
  /** The data by which another process takes its placements over: kind and job numbers, no secret. Absent: it cannot. */
  toJSON?(): LauncherJson;
}

/** A launcher on paper. */
export interface LauncherJson {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Completes the sentence "engine 3 …". */
export function describeExit({ code, signal, error, why }: Omit<EngineExit, 'handle'>): string {
  if (error !== undefined) return `could not be started: ${error.message}`;
  if (why !== undefined) return why;
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}
