import { debuglog } from 'node:util';
import { ClusterError } from '../../errors.ts';
import type { EngineOptions } from '../../protocol/engine-options.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { isTracing } from '../../rpc/wire-trace.ts';
import type { AgentOptions } from '../agent/agent-options.ts';
import { AgentPrograms } from '../agent/agent-program.ts';
import { cardId, chosenCard } from '../agent/card-of.ts';
import { EngineLogs } from '../agent/engine-logs.ts';
import { Fleet, type FleetEvents } from '../agent/fleet.ts';
import type { Site } from '../cluster-home.ts';
import { selfIdentity } from '../files/process-identity.ts';
import type { Launcher } from '../launchers/launcher.ts';
import { LocalLauncher } from '../launchers/local.ts';
import { logPath, readLog } from '../launchers/process/log-file.ts';
import { type CheckedStart, usesNoCard } from '../start-options.ts';

/** The part of a cluster that new engines register with. */
export interface Registry {
  /** Its endpoint. @throws ClusterError once the cluster is stopped */
  endpoint(): string;
  /** Errors that nobody handled on a local engine. */
  unhandled(slot: EngineId, report: string): void;
}

/** How a cluster asks for its engines, and where their files lie. */
export interface PlacementOptions {
  readonly options: CheckedStart;
  readonly site: Site;
  /** Variables for a software GPU; empty without one. */
  readonly softwareEnv: Readonly<Record<string, string>>;
  readonly registry: Registry;
}

/** How the engines of a cluster are placed: the options of each engine and each agent, the fleet that they make, and their logs. */
export class Placements {
  readonly fleet: Fleet;
  readonly #options: CheckedStart;
  readonly #site: Site;
  readonly #registry: Registry;
  readonly #programs: AgentPrograms;
  /** Ids of engines that were started here. */
  readonly #logged = new Set<EngineId>();
  readonly #logs: EngineLogs;
  #incarnations = 0;

  constructor({ options, site, softwareEnv, registry }: PlacementOptions, events: FleetEvents) {
    this.#options = options;
    this.#site = site;
    this.#registry = registry;
    this.#programs = new AgentPrograms(site.id);
    this.#logs = new EngineLogs(site.runDir);
    const { launcher = this.#local(softwareEnv), request, gang = false } = options;
    const gpusPerEngine = usesNoCard(request.device) ? 0 : 1;
    this.fleet = new Fleet(
      {
        launcher,
        request: { gpusPerEngine, cpusPerEngine: request.threads, gang, cluster: site.name },
        program: (token, slots) => this.#programs.of(this.#agent(token, slots)),
        accepted: () => this.#keepJobs(launcher),
      },
      events,
    );
  }

  // Jobs that outlive this process: `directview stop` ends them where it was killed.
  #keepJobs(launcher: Launcher): void {
    const json = launcher.lifetime === 'detached' ? launcher.toJSON?.() : undefined;
    if (json === undefined) return;
    const { name, id: clusterId } = this.#site;
    this.#programs.keep({ name, clusterId, owner: selfIdentity(), started: Date.now(), launcher: json });
  }

  #local(softwareEnv: Readonly<Record<string, string>>): Launcher {
    const options = this.#options;
    return new LocalLauncher({
      engine: (slot) => this.#engine(slot),
      env: () => ({ ...softwareEnv, ...options.env }),
      cwd: options.cwd,
      entry: options.entry,
      log: (slot) => {
        this.#logged.add(slot);
        return logPath(this.#site.runDir, slot);
      },
      onUnhandled: (slot, report) => this.#registry.unhandled(slot, report),
      echo: debuglog('directview:engine').enabled || isTracing ? 'stderr' : options.echo,
    });
  }

  #engine(slot: EngineId): EngineOptions {
    const { request, gpus, cards, deathTimeout } = this.#options;
    const name = `engine-${slot}-${this.#incarnations++}`;
    const inTurn = gpus > 1 && !request.softwareGpu ? slot % gpus : undefined;
    const gpu = request.gpu ?? inTurn;
    return {
      ...request,
      gpu,
      card: request.softwareGpu ? undefined : cardId(chosenCard(gpu), cards),
      controller: this.#registry.endpoint(),
      tasks: this.#site.endpoint(`${name}.tasks`),
      control: this.#site.endpoint(`${name}.control`),
      peers: this.#site.endpoint(`${name}.peers`),
      near: this.#site.near(`${name}.near`),
      credentials: this.#site.keys?.engine.reveal(),
      slot,
      deathTimeout,
    };
  }

  #agent(token: string, slots: readonly EngineId[]): AgentOptions {
    const { request, deathTimeout, grace, env, cwd } = this.#options;
    return {
      ...request,
      controller: this.#registry.endpoint(),
      credentials: this.#site.keys?.engine.reveal(),
      network: this.#site.network,
      token,
      slots,
      env,
      cwd,
      deathTimeout,
      grace,
    };
  }

  /** Adds to the log of an engine that an agent looks after. */
  output(slot: EngineId, text: string): void {
    this.#logged.add(slot);
    this.#logs.write(slot, text);
  }

  /** The log of an engine, which may have ended. @throws ClusterError for an id without one */
  log(id: EngineId): Promise<string> {
    if (this.#logged.has(id)) return readLog(logPath(this.#site.runDir, id));
    throw new ClusterError(`engine ${id} has no log: there are those of ${[...this.#logged].join(', ')}`);
  }

  /** Removes the files of agents. Idempotent; synchronous, so that the process's `exit` handler may call it. */
  remove(): void {
    this.#programs.remove();
  }
}
