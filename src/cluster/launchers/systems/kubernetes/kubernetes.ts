import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { ClusterError } from '../../../../errors.ts';
import { record } from '../../../../protocol/fields.ts';
import type { EngineId } from '../../../../protocol/messages.ts';
import type { Launcher, LauncherJson, LaunchRequest, Placement, StopOptions } from '../../launcher.ts';
import { GivenPlaces } from '../given-places.ts';
import { JOBS } from '../known-jobs.ts';
import { Polling } from '../polling.ts';
import { schedulerCommand } from '../scheduler-command.ts';
import { checkKubernetes, type KubernetesOptions } from './kubernetes-options.ts';
import { INDEX_LABEL, LAUNCH_LABEL, launchName, manifest, podsOf } from './manifest.ts';
import { indexOf, jobText, type KubernetesObject, placementOf } from './pod-state.ts';

const POLL_MS = 2000;
const QUERY_MS = 20_000;
/** Milliseconds beyond the grace until deleted pods must be gone. */
const GONE_MS = 60_000;
const LOOK_MS = 300;
const KILL_MS = 5000;

/** The pods of one start, each with its slots, until it has ended. */
interface Launch {
  readonly pods: Map<number, readonly EngineId[]>;
  /** Places that had a pod: one that is gone was deleted. */
  readonly seen: Set<number>;
}

/**
 * Kubernetes by way of kubectl: an Indexed Job for each start, one pod for each agent, a headless Service, and a Secret with the
 * agents' options. The pods outlive this process, and their agents end with the cluster.
 */
export class KubernetesLauncher implements Launcher {
  readonly kind = 'kubernetes';
  readonly lifetime = 'detached';
  readonly #options: KubernetesOptions;
  readonly #polling: Polling;
  /** By the name of its objects. */
  readonly #launches = new Map<string, Launch>();
  readonly #given = new GivenPlaces();
  #listener = (_: Placement): void => {};

  constructor(options: KubernetesOptions) {
    this.#options = options;
    this.#polling = new Polling(
      () => this.poll(),
      options.poll ?? POLL_MS,
      (error) => this.#unknown(error),
    );
  }

  /** The launcher of another process, with its objects. @throws TypeError, RangeError, ProtocolError for another object */
  static fromJSON({ options, launches }: LauncherJson): KubernetesLauncher {
    const launcher = new KubernetesLauncher(checkKubernetes(options as Readonly<Record<string, unknown>>));
    for (const [name, pods] of Object.entries(record(JOBS)(launches, 'launches'))) {
      const slots = Object.entries(pods).map(([index, its]) => [Number(index), its] as const);
      launcher.#launches.set(name, { pods: new Map(slots), seen: new Set() });
    }
    return launcher;
  }

  async start(request: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]> {
    this.#given.take(request.slots);
    await this.#replace(request.slots);
    const { perAgent = 1 } = this.#options;
    const name = launchName(request.cluster, randomBytes(4).toString('hex'));
    const line = request.agent.line({ perAgent });
    const objects = manifest({ name, options: this.#options, request, command: request.agent.command, line });
    const slotsOf = (i: number) => request.slots.slice(i * perAgent, (i + 1) * perAgent);
    const count = podsOf({ options: this.#options, request });
    // Before the command: one that was aborted half-way has made objects.
    const launch = { pods: new Map(Array.from({ length: count }, (_, i) => [i, slotsOf(i)])), seen: new Set<number>() };
    this.#launches.set(name, launch);
    await this.#create(name, objects, signal);
    this.#polling.start();
    return [...launch.pods.values()].map((slots) => ({
      slots,
      state: 'queued',
      why: 'was submitted',
      where: { job: name },
    }));
  }

  async #create(name: string, objects: object, signal: AbortSignal | undefined): Promise<void> {
    try {
      // Its check of fields would need the API's description, which the user may not read.
      await this.#run(['create', '--validate=false', '-f', '-'], { input: JSON.stringify(objects), signal });
    } catch (error) {
      await this.#run(deletion([name])).catch(() => {}); // where it was refused, nothing is there
      this.#launches.delete(name);
      throw error;
    }
  }

  #argv(args: readonly string[]): string[] {
    const { kubectl = 'kubectl', namespace, context, arguments: more = [] } = this.#options;
    const where = Object.entries({ namespace, context }).filter(([, value]) => value !== undefined);
    return [kubectl, ...where.map(([name, value]) => `--${name}=${value}`), ...more, ...args];
  }

  #run(args: readonly string[], more: { readonly input?: string; readonly signal?: AbortSignal | undefined } = {}) {
    return schedulerCommand(this.#argv(args), { timeout: QUERY_MS, env: process.env, ...more });
  }

  // The pods of engines that are started anew are over, whatever becomes of them.
  async #replace(slots: readonly EngineId[]): Promise<void> {
    for (const launch of this.#launches.values())
      for (const [index, its] of launch.pods) {
        const rest = its.filter((slot) => !slots.includes(slot));
        launch.pods.set(index, rest);
      }
    await this.#end((its) => its.length === 0);
  }

  /** Deletes what `isMeant` covers: whole launches with all of their objects, or single pods. Gives the pods. */
  async #end(isMeant: (slots: readonly EngineId[]) => boolean): Promise<readonly (readonly [string, number])[]> {
    const all = [...this.#launches].map(([name, { pods }]) => {
      return { name, pods, meant: [...pods].filter(([, slots]) => isMeant(slots)).map(([index]) => index) };
    });
    // A launch whose last pod has ended by itself still has its other objects.
    const whole = all.filter(({ pods, meant }) => meant.length === pods.size);
    const parts = all.filter(({ pods, meant }) => meant.length > 0 && meant.length < pods.size);
    await Promise.all([
      this.#delete(whole.map(({ name }) => name)),
      ...parts.map(({ name, meant }) => this.#deletePods(name, meant)),
    ]);
    for (const { pods, meant } of parts) for (const index of meant) pods.delete(index);
    for (const { name } of whole) this.#launches.delete(name);
    return [...whole, ...parts].flatMap(({ name, meant }) => meant.map((index) => [name, index] as const));
  }

  async #delete(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    // An object that is gone already is not a failure.
    await this.#run(deletion(names), {}).catch((error: Error) =>
      process.stderr.write(`directview: ${error.message}\n`),
    );
  }

  async #deletePods(name: string, indexes: readonly number[]): Promise<void> {
    const selector = `${LAUNCH_LABEL}=${name},${INDEX_LABEL} in (${indexes.join(',')})`;
    await this.#run(['delete', 'pods', '-l', selector, '--wait=false', '--ignore-not-found']);
  }

  async poll(): Promise<readonly Placement[]> {
    if (this.#launches.size === 0) {
      this.#polling.stop();
      return [];
    }
    const asked = [...this.#launches].flatMap(([name, { pods }]) => (pods.size === 0 ? [] : [name]));
    if (asked.length === 0) return [];
    const objects = await this.#query(asked);
    const placements = asked.flatMap((name) => this.#placements(name, objects));
    for (const placement of placements) this.#listener(placement);
    return placements;
  }

  #unknown({ message: why }: Error): void {
    for (const [job, { pods }] of this.#launches)
      for (const slots of pods.values())
        if (slots.length > 0) this.#listener({ slots, state: 'unknown', why, where: { job } });
  }

  // One failed query ends nothing.
  async #query(names: readonly string[]): Promise<readonly KubernetesObject[]> {
    const text = await this.#run(['get', 'jobs,pods', '-l', `${LAUNCH_LABEL} in (${names.join(',')})`, '-o', 'json']);
    return (JSON.parse(text) as { readonly items?: readonly KubernetesObject[] }).items ?? [];
  }

  #placements(name: string, objects: readonly KubernetesObject[]): Placement[] {
    const launch = this.#launches.get(name);
    if (launch === undefined) return [];
    const its = objects.filter(({ metadata }) => metadata?.labels?.[LAUNCH_LABEL] === name);
    const job = its.find(({ kind }) => kind === 'Job');
    const pods = new Map(its.flatMap((pod) => (indexOf(pod) === undefined ? [] : [[indexOf(pod) as number, pod]])));
    return [...launch.pods].flatMap(([index, slots]) => {
      const placement = this.#placement(index, slots, launch, pods.get(index), job);
      if (placement?.state === 'ended') launch.pods.delete(index);
      return placement === undefined || slots.length === 0 ? [] : [placement];
    });
  }

  #placement(
    index: number,
    slots: readonly EngineId[],
    { seen }: Launch,
    pod: KubernetesObject | undefined,
    job: KubernetesObject | undefined,
  ): Placement | undefined {
    if (pod !== undefined) {
      seen.add(index);
      return placementOf(pod, slots);
    }
    if (seen.has(index))
      return { slots, state: 'ended', cause: 'system', why: 'lost its pod: somebody has deleted it' };
    const said = job && jobText(job);
    return said && { slots, cause: 'system', ...said };
  }

  async signal(signal: NodeJS.Signals, slots: readonly EngineId[]): Promise<void> {
    throw new ClusterError(
      `engines ${slots.join(', ')} get no ${signal}: their agent does not answer, and Kubernetes sends no signals`,
    );
  }

  async stop({ grace = 5000, slots }: StopOptions = {}): Promise<void> {
    if (slots === undefined) this.#polling.stop();
    const launches = [...this.#launches.keys()];
    const gone = await this.#end(this.#given.give(slots));
    const deadline = performance.now() + grace + GONE_MS;
    while (gone.length > 0 && performance.now() < deadline) {
      const left = await this.#query(launches).catch(() => undefined);
      if (left !== undefined && !left.some((object) => isOneOf(object, gone))) break;
      await pause(LOOK_MS);
    }
  }

  kill(): void {
    this.#polling.stop();
    const names = [...this.#launches.keys()];
    const [program = '', ...args] = this.#argv(deletion(names));
    if (names.length > 0) spawnSync(program, args, { timeout: KILL_MS, stdio: 'ignore' });
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listener = listener;
  }

  toJSON(): LauncherJson {
    const launches = [...this.#launches].map(([name, { pods }]) => [name, Object.fromEntries(pods)]);
    return { kind: this.kind, options: this.#options, launches: Object.fromEntries(launches) };
  }
}

const deletion = (names: readonly string[]): string[] => {
  const selector = `${LAUNCH_LABEL} in (${names.join(',')})`;
  return ['delete', 'jobs,services,secrets', '-l', selector, '--wait=false', '--ignore-not-found'];
};

const isOneOf = (pod: KubernetesObject, pods: readonly (readonly [string, number])[]): boolean =>
  pods.some(([name, index]) => pod.metadata?.labels?.[LAUNCH_LABEL] === name && indexOf(pod) === index);

/** The launcher of `{ kind: 'kubernetes', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(options: Readonly<Record<string, unknown>>): Launcher {
  return new KubernetesLauncher(checkKubernetes(options));
}

/** The objects of another process. @throws TypeError, RangeError, ProtocolError for another object */
export const fromJSON = (json: LauncherJson): Launcher => KubernetesLauncher.fromJSON(json);
