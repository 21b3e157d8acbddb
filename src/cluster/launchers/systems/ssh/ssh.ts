import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AbortError, ClusterError } from '../../../../errors.ts';
import type { EngineId } from '../../../../protocol/messages.ts';
import { createRunDir, removeRunDir } from '../../../files/run-dir.ts';
import type { AgentShare, Launcher, LauncherJson, LaunchRequest, Placement, StopOptions } from '../../launcher.ts';
import { schedulerCommand } from '../scheduler-command.ts';
import type { SshHost } from './host-list.ts';
import { agentCommand, preparation, REMOTE_COMMAND, readFindings, removal } from './remote-command.ts';
import { SshSession, sshArguments } from './session.ts';
import { findingsFault, sshFault } from './ssh-faults.ts';
import { type CheckedSsh, checkSshOptions } from './ssh-options.ts';

const GRACE_MS = 5000;
/** Milliseconds beyond the connection that a host has to look for node. */
const LOOK_MS = 20_000;

/** Milliseconds of a call: to get in, and to look or remove there. */
interface Patience {
  readonly connect: number;
  readonly look: number;
}

/** After a start was aborted: the host may be one that does not answer. */
const HURRIED: Patience = { connect: 3000, look: 3000 };

/** Engines of one start on one host. */
interface Part {
  readonly host: SshHost;
  readonly slots: readonly EngineId[];
  /** The place of its first engine on the host; the others follow it. */
  readonly firstPlace: number;
  /** The folder of their sockets: the same path here and there. Undefined over tcp. */
  readonly folder: string | undefined;
}

/** A part whose host is ready. */
interface ReadyPart extends Part {
  /** The host is this machine: its sockets need no forwards. */
  readonly isHere: boolean;
}

/** The parts of one start. The hosts of those that are ready have the folders of all. */
interface Together {
  readonly ready: readonly ReadyPart[];
  readonly parts: readonly Part[];
}

/** Where a part cannot start, and why. */
interface Failure {
  readonly part: Part;
  readonly why: string;
}

/**
 * Runs agents over the system's ssh: one for each host, which ends with its connection. Engines listen at Unix sockets in
 * private folders, which ssh forwards, so that no port is open; or over tcp with keys, where the cluster listens there.
 */
export class SshLauncher implements Launcher {
  readonly kind = 'ssh';
  readonly lifetime = 'attached';
  readonly sockets = 'unix';
  readonly #options: CheckedSsh;
  readonly #sessions = new Set<SshSession>();
  /** Parts of starts that go on: they have their places. Each with the end of its start, which never rejects. */
  readonly #starting = new Map<Part, Promise<void>>();
  /** Engines of such parts that were given up meanwhile. */
  readonly #unwanted = new Set<EngineId>();
  /** Folders here, each with the session that it belongs to. */
  readonly #folders = new Set<string>();
  /** Removals of folders on hosts, under way. */
  readonly #clearing = new Set<Promise<void>>();
  readonly #listeners: ((placement: Placement) => void)[] = [];

  constructor(options: CheckedSsh) {
    this.#options = options;
  }

  /** How many engines the hosts have places for. */
  get places(): number {
    return this.#options.hosts.reduce((sum, { slots = 1 }) => sum + slots, 0);
  }

  async start(request: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]> {
    const parts = this.#share(request);
    const stale = [...this.#sessions].filter((session) => session.replace(request.slots));
    for (const session of stale) this.#later(session.stop(GRACE_MS));
    const begun = this.#begin(parts, request, signal);
    const over = begun.then(
      () => {},
      () => {},
    );
    for (const part of parts) this.#starting.set(part, over);
    try {
      return await begun;
    } finally {
      for (const part of parts) this.#starting.delete(part);
      for (const slot of request.slots) this.#unwanted.delete(slot);
    }
  }

  async #begin(
    parts: readonly Part[],
    request: LaunchRequest,
    signal: AbortSignal | undefined,
  ): Promise<readonly Placement[]> {
    const looked = await this.#look(parts, request, signal);
    const found = looked.filter((result): result is ReadyPart => 'isHere' in result);
    const [ready, late] = split(found, ({ slots }) => !slots.every((slot) => this.#unwanted.has(slot)));
    const failures = looked.filter((result): result is Failure => 'why' in result);
    for (const { part } of failures) this.#forget(part.folder);
    if (found.length === 0 || (request.gang && failures.length > 0)) throw await this.#refused(failures, found, parts);
    await Promise.all(late.map((part) => this.#giveBack(part, parts)));
    return [
      ...ready.map((part) => this.#open(part, { ready, parts }, request)),
      ...late.map(({ slots, host }): Placement => {
        return { slots, state: 'ended', why: 'is not needed any more', where: { host: host.host } };
      }),
      ...failures.map(({ part: { slots, host }, why }): Placement => {
        return { slots, state: 'ended', cause: 'node', why: `got no place: ${why}`, where: { host: host.host } };
      }),
    ];
  }

  // Where it is aborted, nobody knows on which hosts the folders were made.
  async #look(
    parts: readonly Part[],
    request: LaunchRequest,
    signal: AbortSignal | undefined,
  ): Promise<readonly (ReadyPart | Failure)[]> {
    const looks = parts.map((part) => this.#prepare(part, parts, request, signal));
    await Promise.allSettled(looks);
    if (signal?.aborted !== true) return Promise.all(looks);
    for (const part of parts) {
      this.#later(this.#clear({ ...part, isHere: false }, parts, HURRIED));
      this.#forget(part.folder);
    }
    throw new AbortError('the start was aborted', { cause: signal.reason });
  }

  async #refused(
    failures: readonly Failure[],
    ready: readonly ReadyPart[],
    parts: readonly Part[],
  ): Promise<ClusterError> {
    await Promise.all(ready.map((part) => this.#giveBack(part, parts)));
    for (const { folder } of parts) this.#forget(folder);
    return new ClusterError(failures.map(({ why }) => why).join('\n'));
  }

  async #giveBack(part: ReadyPart, parts: readonly Part[]): Promise<void> {
    await this.#clear(part, parts);
    this.#forget(part.folder);
  }

  /** Gives each engine the first free place. @throws ClusterError where there are fewer places than engines */
  #share({ slots, agent }: LaunchRequest): readonly Part[] {
    const left = [...slots];
    const isTcp = agent.controller.startsWith('tcp:');
    const shares = this.#options.hosts.flatMap((host) => {
      const { free, used } = this.#placesOf(host.host, slots);
      const places = free.slice(0, Math.max(0, Math.min((host.slots ?? 1) - used, left.length)));
      return runsOf(places).map(({ first, count }) => ({ host, firstPlace: first, slots: left.splice(0, count) }));
    });
    if (left.length > 0)
      throw new ClusterError(
        `the hosts have places for ${this.places} engines, and ${left.length} more are asked for: give hosts more slots, as 'a:4'`,
      );
    return shares.map((share): Part => {
      const folder = isTcp ? undefined : createRunDir(tmpdir());
      if (folder !== undefined) this.#folders.add(folder);
      return { ...share, folder };
    });
  }

  /**
   * How many places of that host are taken, and the others in order, as many as it has at most. Engines of `again` have theirs: they
   * are started anew.
   */
  #placesOf(name: string, again: readonly EngineId[]): { readonly free: readonly number[]; readonly used: number } {
    const sessions = [...this.#sessions].filter(({ host }) => host === name).flatMap(({ places }) => [...places]);
    const parts = [...this.#starting.keys()].filter(({ host }) => host.host === name);
    const starting = parts.flatMap(({ slots, firstPlace }) => slots.map((slot, i) => [slot, firstPlace + i] as const));
    const held = [...sessions, ...starting].filter(([slot]) => !again.includes(slot));
    const taken = new Set(held.map(([, place]) => place));
    const all = Array.from({ length: taken.size + again.length }, (_, place) => place);
    return { free: all.filter((place) => !taken.has(place)), used: taken.size };
  }

  async #prepare(
    part: Part,
    all: readonly Part[],
    { agent }: LaunchRequest,
    signal: AbortSignal | undefined,
  ): Promise<ReadyPart | Failure> {
    const { host, folder } = part;
    const [node, main] = this.#programOf(host, agent.command) as [string, string];
    const token = `here-${randomBytes(8).toString('hex')}`;
    if (folder !== undefined) writeFileSync(join(folder, token), '', { mode: 0o600, flag: 'wx' });
    const others = all.filter((other) => other !== part).map((other) => other.folder);
    const folders = [folder, ...others].filter((path) => path !== undefined);
    try {
      const text = await this.#call(host.host, preparation({ node, main, folders, token }), signal);
      const found = readFindings(text);
      const why = findingsFault(host.host, found, node, main);
      const ready = { ...part, isHere: found.words.has('same') };
      if (why === undefined) return ready;
      if (found.words.has('ready') || found.words.has('no-folder')) await this.#clear(ready, all);
      return { part, why };
    } catch (error) {
      if (signal?.aborted) throw error;
      return { part, why: sshFault(host.host, (error as Error).message) };
    }
  }

  /** Removes the folders there of an agent that has not begun. */
  async #clear({ host, folder, isHere }: ReadyPart, all: readonly Part[], patience?: Patience): Promise<void> {
    if (folder === undefined || isHere) return;
    const folders = [folder, ...all.flatMap((part) => part.folder ?? [])];
    await this.#call(host.host, removal(folders), undefined, patience).catch(() => {}); // nobody can do more
  }

  #programOf({ node = 'node', path }: SshHost, [, main = '', ...rest]: readonly string[]): readonly string[] {
    return [node, path === undefined ? main : join(path, 'dist/src/cli/main.js'), ...rest];
  }

  /** Runs a command there that ends by itself. */
  #call(
    host: string,
    command: string,
    signal: AbortSignal | undefined,
    { connect, look }: Patience = { connect: this.#options.connectTimeout, look: LOOK_MS },
  ): Promise<string> {
    const args = sshArguments({ ...this.#options, connectTimeout: connect });
    const argv = [this.#options.ssh, ...args, '--', host, REMOTE_COMMAND];
    return schedulerCommand(argv, { input: `${command}\n`, timeout: connect + look, signal });
  }

  #open(part: ReadyPart, { ready, parts }: Together, { agent }: LaunchRequest): Placement {
    const { host, slots, folder, isHere, firstPlace } = part;
    const isForwarded = folder !== undefined && !isHere;
    const others = isForwarded ? ready.filter((other) => other !== part) : [];
    const share: AgentShare = {
      slots,
      perAgent: slots.length,
      rank: 0,
      firstPlace,
      sockets: folder,
      controller: isForwarded ? `unix://${folder}/registry` : undefined,
    };
    const session = new SshSession({
      ssh: this.#options,
      host: host.host,
      firstPlace,
      slots,
      forwards: isForwarded ? forwardsOf(part, others, agent.controller) : [],
      command: agentCommand(
        this.#programOf(host, agent.command),
        isForwarded ? parts.flatMap((any) => any.folder ?? []) : [],
      ),
      line: agent.line(share),
    });
    this.#sessions.add(session);
    void session.ended.then((end) => {
      this.#over(session, folder, end);
      if (!session.isStarted) this.#later(this.#clear(part, parts));
    });
    return { slots, state: 'starting', where: { host: host.host } };
  }

  #over(session: SshSession, folder: string | undefined, { code, text }: { code: number | null; text: string }): void {
    this.#sessions.delete(session);
    this.#forget(folder);
    const { slots, host, isAsked } = session;
    // 255 is ssh's own failure; the agent's last line tells its end.
    const why = code === 255 || code === null ? `lost its host: ${sshFault(host, text)}` : agentEnd(host, code, text);
    const placement = {
      slots,
      state: 'ended',
      cause: code === 255 || code === null ? 'node' : 'exit',
      where: { host },
    } as const;
    for (const listener of this.#listeners)
      listener({ ...placement, why: isAsked ? `was stopped with its agent on ${host}` : why });
  }

  #later(work: Promise<void>): void {
    this.#clearing.add(work);
    void work.then(() => this.#clearing.delete(work));
  }

  #forget(folder: string | undefined): void {
    if (folder === undefined) return;
    this.#folders.delete(folder);
    removeRunDir(folder);
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    throw new ClusterError(`ssh can send no ${signal}: the agent that could does not answer`);
  }

  async stop({ grace = GRACE_MS, slots }: StopOptions = {}): Promise<void> {
    const isWanted = (slot: EngineId) => slots?.includes(slot) ?? true;
    const begun = [...this.#starting].filter(([part]) => part.slots.some(isWanted));
    for (const [part] of begun) for (const slot of part.slots.filter(isWanted)) this.#unwanted.add(slot);
    await Promise.all(begun.map(([, over]) => over));
    const over = [...this.#sessions].filter((session) => session.leave(session.slots.filter(isWanted)));
    await Promise.all(over.map((session) => session.stop(grace)));
    await Promise.all(this.#clearing);
  }

  kill(): void {
    for (const session of this.#sessions) session.kill();
    for (const folder of this.#folders) removeRunDir(folder);
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listeners.push(listener);
  }

  toJSON(): LauncherJson {
    return { kind: this.kind, hosts: this.#options.hosts };
  }
}

/** Those for which `is` holds, and the others. */
function split<T>(all: readonly T[], is: (one: T) => boolean): readonly [T[], T[]] {
  return [all.filter(is), all.filter((one) => !is(one))];
}

/** Runs of numbers that follow each other: an agent's engines have such places. `numbers` ascend. */
function runsOf(numbers: readonly number[]): readonly { readonly first: number; readonly count: number }[] {
  const firsts = numbers.filter((number, i) => i === 0 || number !== (numbers[i - 1] as number) + 1);
  return firsts.map((first, i) => {
    const end = i + 1 < firsts.length ? numbers.indexOf(firsts[i + 1] as number) : numbers.length;
    return { first, count: end - numbers.indexOf(first) };
  });
}

function agentEnd(host: string, code: number, text: string): string {
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  return `lost its agent on ${host}, which ended with code ${code}${last === '' ? '' : `: ${last}`}`;
}

/** The engines' sockets come here, the registry goes there, and so do the peers of engines on other hosts. */
function forwardsOf({ folder, slots }: Part, others: readonly Part[], controller: string): string[] {
  const path = (dir: string | undefined, slot: EngineId, end: string) => `${dir}/e${slot}.${end}`;
  const same = (at: string) => `${at}:${at}`;
  const ends = ['tasks', 'control', 'peers'];
  return [
    ...['-R', `${folder}/registry:${controller.replace('unix://', '')}`],
    ...slots.flatMap((slot) => ends.flatMap((end) => ['-L', same(path(folder, slot, end))])),
    ...others.flatMap((other) => other.slots.flatMap((slot) => ['-R', same(path(other.folder, slot, 'peers'))])),
  ];
}

/** @throws TypeError, RangeError for options that are wrong */
export function createLauncher(options: Readonly<Record<string, unknown>>): SshLauncher {
  return new SshLauncher(checkSshOptions(options));
}
