import { clearInterval, setInterval } from 'node:timers';
import { DescriptorShortage } from '../../src/comm/zeromq/descriptors.ts';
import { ConnectionError } from '../../src/errors.ts';
import { type Body, encodeBody } from '../../src/protocol/codec.ts';
import type { EngineId, MailMessage, TaskMessage } from '../../src/protocol/messages.ts';
import { byMachine } from '../../src/protocol/relay-chunks.ts';
import { BoundedMap } from '../../src/util/bounded.ts';
import { peerError } from '../peers/mailbox.ts';
import { type CurrentTask, DEFAULT_TIMEOUT, type Peers } from '../peers/peers.ts';
import type { Relay } from '../peers/relay.ts';
import { allReduce } from './all-reduce.ts';
import { allToAll } from './all-to-all.ts';
import { broadcast } from './broadcast.ts';
import type { CollectiveOptions, RootedOptions } from './collective-options.ts';
import { allGather, barrier, gather, scatter } from './gather.ts';
import type { Group } from './group.ts';
import { checkOp, type ReduceOp } from './operation.ts';
import { reduce } from './reduce.ts';
import { reduceScatter } from './reduce-scatter.ts';
import {
  ALONE,
  callOf,
  callScope,
  failureTag,
  isCollective,
  membersOf,
  questionTag,
  scopeOf,
  TAGGED,
  tagScope,
} from './scope.ts';

const REMEMBERED = 1000;

/** A collective that runs here: the ranks that take part, and how many were begun in its scope before. */
interface Open {
  readonly scope: string;
  readonly members: readonly EngineId[];
  readonly index: number;
}

/** Milliseconds after which a rank that waits asks the others whether their tasks have ended. */
const ASK_MS = 1000;

/**
 * The collectives of user code: the ranks that take part, the messages that belong together, and the effect of a failure
 * on the others.
 */
export class Collectives {
  readonly #peers: Peers;
  readonly #relay: Relay;
  readonly #current: CurrentTask;
  /** Collectives begun so far, by scope. */
  readonly #counts = new Map<string, number>();
  /** The collectives that run here. */
  readonly #open = new Set<Open>();
  /** Calls whose task on this engine has begun a collective, with their scopes. */
  readonly #entered = new Map<string, Set<string>>();
  /** Scopes that failed on any rank, and calls whose task has ended, with the reason: their mail is not kept. */
  readonly #over = new BoundedMap<string, string>(REMEMBERED);
  /** How many collectives a task that has ended well had taken part in, by scope. */
  readonly #done = new BoundedMap<string, number>(REMEMBERED);
  /** Calls whose task has ended here without any collective, with the reason: there are many, and few are asked about. */
  readonly #passed = new BoundedMap<string, string>(REMEMBERED);

  constructor(peers: Peers, relay: Relay, current: CurrentTask) {
    this.#peers = peers;
    this.#relay = relay;
    this.#current = current;
    peers.onGone((id) => this.#gone(id));
    relay.onBroken = (key, error) => this.#chainBroke(key, error);
  }

  /** As `EngineGlobal` says of each. */
  broadcast(value: unknown, options: RootedOptions = {}): Promise<unknown> {
    return this.#rooted('broadcast', options, async (group, root) =>
      broadcast(group, await this.#peers.onHost(value), root),
    );
  }

  scatter(values: unknown, options: RootedOptions = {}): Promise<unknown> {
    return this.#rooted('scatter', options, async (group, root) =>
      scatter(group, await this.#peers.onHost(values), root),
    );
  }

  gather(value: unknown, options: RootedOptions = {}): Promise<unknown[] | undefined> {
    return this.#rooted('gather', options, async (group, root) => gather(group, await this.#peers.onHost(value), root));
  }

  allGather(value: unknown, options: CollectiveOptions = {}): Promise<unknown[]> {
    return this.#run('allGather', options, async (group) => allGather(group, await this.#peers.onHost(value)));
  }

  reduce(value: unknown, op: ReduceOp = 'sum', options: RootedOptions = {}): Promise<unknown> {
    return this.#rooted('reduce', options, async (group, root) =>
      reduce(group, await this.#peers.onHost(value), checkOp(op), root),
    );
  }

  allReduce(value: unknown, op: ReduceOp = 'sum', options: CollectiveOptions = {}): Promise<unknown> {
    return this.#run('allReduce', options, async (group) =>
      allReduce(group, await this.#peers.onHost(value), checkOp(op)),
    );
  }

  reduceScatter(value: unknown, op: ReduceOp = 'sum', options: CollectiveOptions = {}): Promise<unknown> {
    return this.#run('reduceScatter', options, async (group) =>
      reduceScatter(group, await this.#peers.onHost(value), checkOp(op)),
    );
  }

  allToAll(values: unknown, options: CollectiveOptions = {}): Promise<unknown> {
    return this.#run('allToAll', options, async (group) => allToAll(group, await this.#peers.onHost(values)));
  }

  barrier(options: CollectiveOptions = {}): Promise<void> {
    return this.#run('barrier', options, barrier);
  }

  /** Takes mail of collectives; false for other mail. */
  deliver(message: MailMessage, body: Body): boolean {
    if (!isCollective(message.tag)) return false;
    const scope = scopeOf(message.tag);
    if (message.tag === failureTag(scope)) this.#fail(scope, String(this.#peers.decode(body)));
    else if (message.tag === questionTag(scope)) this.#answer(scope, message.from, Number(this.#peers.decode(body)));
    else if (this.#whyOver(scope) === undefined) this.#peers.deliver(message, body);
    // The sender, and perhaps others, wait for a task that has ended: tell all members.
    else this.#tell(scope, this.#whyOver(scope) as string);
    return true;
  }

  /** A task has ended: its open collectives end. If it failed, so do the collectives of the other ranks of its call. */
  ended(task: TaskMessage, failed: boolean): void {
    if (task.call === undefined) return;
    const call = callScope(task);
    const scopes = this.#entered.get(call);
    const why = `the task of engine ${this.#peers.id} ${failed ? 'failed' : 'ended'} before this collective`;
    // Ranks that wait for this one ask.
    if (scopes === undefined) {
      (failed ? this.#over : this.#passed).set(call, why);
      return;
    }
    this.#entered.delete(call);
    this.#peers.mailbox.fail((_, tag) => tag.startsWith(call), why);
    for (const scope of scopes) {
      if (failed) this.#tell(scope, why);
      else this.#done.set(scope, this.#completed(scope));
    }
    this.#finish(call, why);
  }

  // All but those that it did not wait for.
  #completed(scope: string): number {
    const open = [...this.#open].filter((one) => one.scope === scope).map(({ index }) => index);
    return Math.min(this.#counts.get(scope) ?? 0, ...open);
  }

  #whyOver(scope: string): string | undefined {
    const call = callOf(scope);
    return this.#over.get(scope) ?? this.#over.get(call) ?? this.#passed.get(call);
  }

  async #rooted<T>(name: string, options: RootedOptions, run: (group: Group, root: number) => Promise<T>): Promise<T> {
    const { root = 0, ...rest } = options;
    return this.#run(name, rest, (group) => {
      if (Number.isInteger(root) && root >= 0 && root < group.size) return run(group, root);
      throw new RangeError(`${name}: there is no root ${root}, as ${group.size} ranks take part`);
    });
  }

  async #run<T>(name: string, options: CollectiveOptions, run: (group: Group) => Promise<T>): Promise<T> {
    const members = this.#members(name, options.ranks);
    const scope = this.#scope(name, options.tag, members);
    const open = { scope, members, index: this.#counts.get(scope) ?? 0 };
    const asking = setInterval(() => this.#ask(open), ASK_MS);
    this.#open.add(open);
    try {
      this.#mustBeComplete(scope, members);
      return await run(this.#group(name, scope, members, options.timeout ?? DEFAULT_TIMEOUT));
    } catch (error) {
      this.#tell(scope, this.#reasonOf(error as Error));
      // All ranks say the same, whoever of them has noticed it.
      throw isPeerError(error)
        ? peerError(`${name} ended on all ranks: ${this.#whyOver(scope) ?? (error as Error).message}`)
        : error;
    } finally {
      this.#open.delete(open);
      clearInterval(asking);
    }
  }

  /** @throws PeerError when it has failed on another rank, or when a member has left */
  #mustBeComplete(scope: string, members: readonly EngineId[]): void {
    const why =
      this.#whyOver(scope) ?? this.#missing(members, (id) => id !== this.#peers.id && !this.#peers.isThere(id));
    if (why !== undefined) throw peerError(why);
  }

  #missing(members: readonly EngineId[], isLost: (id: EngineId) => boolean): string | undefined {
    const lost = members.filter(isLost).map((id) => `rank ${this.#peers.ids.indexOf(id)} (engine ${id})`);
    if (lost.length === 0) return undefined;
    return `${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} missing: it left the cluster, or cannot be reached`;
  }

  // A rank may wait for another one than that which is gone: all of them end.
  #gone(gone: EngineId): void {
    for (const { scope, members } of this.#open) {
      const why = this.#missing(members, (id) => id === gone);
      if (why !== undefined) this.#tell(scope, why);
    }
  }

  // A rank whose task has ended without this collective sends nothing by itself.
  #ask({ scope, index }: Open): void {
    for (const member of membersOf(scope)) {
      if (member !== this.#peers.id) this.#peers.post(member, questionTag(scope), encodeBody(index)).catch(() => {});
    }
  }

  // It may not have been told: whoever knew first had no way to it.
  #answer(scope: string, to: EngineId, index: number): void {
    const why = this.#whyOver(scope);
    // A rank that has done its part ends before those that are late.
    if (why === undefined || (!this.#over.has(scope) && index < (this.#done.get(scope) ?? 0))) return;
    if (this.#over.has(scope)) this.#peers.post(to, failureTag(scope), encodeBody(why)).catch(() => {});
    else this.#tell(scope, why);
  }

  #reasonOf(error: Error): string {
    return isPeerError(error) ? error.message : `engine ${this.#peers.id} failed: ${error.message}`;
  }

  #members(name: string, ranks: readonly number[] | undefined): readonly EngineId[] {
    const members = ranks === undefined ? this.#peers.ids : ranks.map((rank) => this.#peers.idOf(rank));
    if (new Set(members).size < members.length) throw new RangeError(`${name}: a rank stands twice in [${ranks}]`);
    if (members.includes(this.#peers.id)) return members;
    throw new RangeError(`${name}: engine ${this.#peers.id} (rank ${this.#peers.rank}) is not one of [${ranks}]`);
  }

  #scope(name: string, tag: string | undefined, members: readonly EngineId[]): string {
    const task = this.#current.running?.message;
    const of = members.join();
    if (tag !== undefined) return tagScope(tag) + of;
    if (task?.call !== undefined) {
      const call = callScope(task);
      this.#entered.set(call, (this.#entered.get(call) ?? new Set()).add(call + of));
      return call + of;
    }
    if (members.length === 1) return ALONE + of;
    const remedy = 'run it with one call on a view of all of them, or give { tag } to join several calls';
    throw new Error(`${name} wants a task on each of ${members.length} engines: ${remedy}`);
  }

  #group(name: string, scope: string, members: readonly EngineId[], timeout: number): Group {
    const count = this.#counts.get(scope) ?? 0;
    this.#counts.set(scope, count + 1);
    const peers = this.#peers;
    const tag = (step: string) => `${scope}/${count} ${name} ${step}`;
    const id = (rank: number) => members[rank] as EngineId;
    const what = (rank: number) => `in ${name} for rank ${peers.ids.indexOf(id(rank))} (engine ${id(rank)})`;
    const rank = members.indexOf(peers.id);
    const size = members.length;
    // Tasks of several calls may come from clients that know other costs: ranks must choose alike.
    const isTagged = scope.startsWith(TAGGED);
    const links = isTagged ? undefined : this.#current.running?.message.links;
    return {
      rank,
      size,
      links,
      isOneMachine: () => !isTagged && peers.areTogether(members),
      post: async (to, step, body) => {
        try {
          await peers.post(id(to), tag(step), body);
        } catch (error) {
          throw this.#lossOf(error, id(to));
        }
      },
      take: (from, step) =>
        peers.take({ from: id(from), tag: tag(step), timeout, what: what(from) }, this.#whyOver(scope)),
      pipe: async (root, body) => {
        const order = members.map((_, i) => id((root + i) % size));
        const chain = byMachine(order, (one) => peers.machineOf(one)).flat();
        try {
          await this.#relay.start(tag('pipe'), chain.slice(1), body);
        } catch (error) {
          if (error instanceof DescriptorShortage) throw peerError(this.#shortage(error));
          // `#gone` has said before which one it was.
          const why = this.#whyOver(scope) ?? (error as Error).message;
          throw error instanceof ConnectionError ? peerError(why) : error;
        }
      },
      // Whichever rank is lost, or cannot pass it on, `#gone` or `#chainBroke` calls it off.
      piped: () => this.#relay.take(tag('pipe'), timeout),
      encode: encodeBody,
      decode: (body) => peers.decode(body),
    };
  }

  #lossOf(error: unknown, to: EngineId): unknown {
    if (error instanceof DescriptorShortage) return peerError(this.#shortage(error));
    // A link that breaks may be known before the roster tells of the engine.
    return error instanceof ConnectionError ? peerError(this.#missing([to], () => true) as string) : error;
  }

  #shortage({ message }: DescriptorShortage): string {
    const { id, ids } = this.#peers;
    return `rank ${ids.indexOf(id)} (engine ${id}) cannot send: ${message}`;
  }

  // Its own part is there: without this, those behind it would wait for theirs.
  #chainBroke(key: string, error: Error): void {
    if (isCollective(key) && error instanceof DescriptorShortage) this.#tell(scopeOf(key), this.#shortage(error));
  }

  // One failure ends the collective for all members at once, so that none waits for its own time-out.
  #tell(scope: string, why: string): void {
    // An engine alone tells nobody, and its next collective is another one.
    if (this.#over.has(scope) || scope.startsWith(ALONE)) return;
    this.#fail(scope, why);
    for (const member of membersOf(scope)) {
      if (member === this.#peers.id) continue;
      this.#peers.post(member, failureTag(scope), encodeBody(why)).catch(() => {});
    }
  }

  #fail(scope: string, why: string): void {
    if (this.#over.has(scope)) return;
    this.#finish(scope, why);
    this.#peers.mailbox.reject((_, tag) => scopeOf(tag) === scope, why);
    this.#relay.cancel((key) => scopeOf(key) === scope, why);
  }

  #finish(scope: string, why: string): void {
    this.#over.set(scope, why);
    for (const key of this.#counts.keys()) if (key.startsWith(scope)) this.#counts.delete(key);
    this.#peers.mailbox.forget(scope);
  }
}

function isPeerError(error: unknown): boolean {
  return error instanceof Error && error.name === 'PeerError';
}
