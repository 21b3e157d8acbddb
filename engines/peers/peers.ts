import type { Transport } from '../../src/comm/transport.ts';
import { type Body, decodeBody, encodeBody, type Revivers } from '../../src/protocol/codec.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { RosterOutbound } from '../../src/protocol/messages/roster.ts';
import type { EngineId, MailMessage, PeersInbound, RelayMessage, TaskMessage } from '../../src/protocol/messages.ts';
import { type Channel, openChannel } from '../../src/rpc/channel.ts';
import { PEERS } from '../../src/rpc/conversations.ts';
import { BoundedSet } from '../../src/util/bounded.ts';
import type { Identity } from '../identity.ts';
import { logLine } from '../log.ts';
import { machineName, missingForward, nearEndpoint } from './machine.ts';
import { Mailbox, peerError, type Wanted } from './mailbox.ts';
import { Membership } from './membership.ts';
import type { ReceiveOptions } from './receive-options.ts';

/** The task that runs now: the task queue knows it. */
export interface CurrentTask {
  readonly running: { readonly message: TaskMessage } | null;
}

/** The control thread, which knows the controller. */
export interface RosterSource {
  /** Asks for the engines of the cluster, which come as roster messages. */
  follow(): void;
  /** Blocks until they have come; false where nobody answers. */
  awaitRoster(): boolean;
}

/** The parts that Peers stands on. */
export interface PeersOptions {
  readonly identity: Identity;
  readonly transport: Transport;
  /** How bodies of mail decode. */
  readonly revivers: Revivers;
  /** Ranks are those of the roster that the running task's client has seen. */
  readonly current: CurrentTask;
  /** A value without tensors on the device, or a promise of it. */
  readonly onHost: (value: unknown) => unknown;
  readonly control: RosterSource;
}

/** Milliseconds that a value from another engine is waited for, unless the caller says otherwise. */
export const DEFAULT_TIMEOUT = 60_000;
/** Before the tags of users, so that theirs cannot be those of collectives. */
const USER = 'u:';
const MAX_FORGOTTEN = 1000;

/**
 * The other engines: they put values into each other's mailbox, outside the task queue, so that running tasks exchange
 * blocks without deadlock. Channels open at first use, to the endpoints of the roster. The roster is followed from the first
 * question on: most tasks need no peers.
 */
export class Peers {
  readonly #identity: Identity;
  readonly #transport: Transport;
  readonly #revivers: Revivers;
  readonly #current: CurrentTask;
  readonly #onHost: (value: unknown) => unknown;
  readonly #channels = new Map<EngineId, Channel<PeersInbound>>();
  readonly #mailbox: Mailbox;
  readonly #gone: ((id: EngineId, why: string) => void)[] = [];
  // Topics that were called off: later mail for them is dropped.
  readonly #forgotten = new BoundedSet<string>(MAX_FORGOTTEN);
  readonly #members = new Membership();
  readonly #control: RosterSource;
  /** The machine of this engine, as `machineName` tells it. */
  readonly machine: string | undefined = machineName();
  #isAsked = false;
  #isFollowing = false;

  constructor({ identity, transport, revivers, current, onHost, control }: PeersOptions) {
    this.#control = control;
    this.#onHost = onHost;
    this.#identity = identity;
    this.#transport = transport;
    this.#revivers = revivers;
    this.#current = current;
    this.#mailbox = new Mailbox(() => identity.name, logLine);
  }

  get id(): EngineId {
    return this.#identity.id;
  }

  /** Engines by rank: the position in the order of ids, as the running task's client knows them. */
  get ids(): readonly EngineId[] {
    return this.#known.at(this.#version);
  }

  /** This engine's place among `ids`; -1 where it is not in that roster. */
  get rank(): number {
    return this.ids.indexOf(this.#identity.id);
  }

  get mailbox(): Mailbox {
    return this.#mailbox;
  }

  /** Mail as `mailbox.take`. Fails at once if the peer has left without sending it, or if `why` says that it is over. */
  take(wanted: Wanted, why?: string): Promise<Body> {
    return this.#mailbox.take(wanted, why ?? (this.isThere(wanted.from) ? undefined : 'it left the cluster'));
  }

  /** Is the engine with this id there, as the running task's client knows it? */
  isThere(id: EngineId): boolean {
    return this.#known.find(id, this.#version) !== undefined;
  }

  /** Is that engine on this machine, so that it reads large values in memory? */
  isNear(id: EngineId): boolean {
    const record = this.#known.find(id, this.#version);
    return record !== undefined && nearEndpoint(record, this.machine) !== undefined;
  }

  /** The machine of that engine, as its record names it. */
  machineOf(id: EngineId): string | undefined {
    return this.#known.find(id, this.#version)?.machine;
  }

  /** Are those engines on one machine, by their records? All who know the same roster say the same. */
  areTogether(ids: readonly EngineId[]): boolean {
    const [first, ...others] = ids.map((id) => this.machineOf(id));
    return first !== undefined && others.every((machine) => machine === first);
  }

  /** The value without tensors on the device, or a promise of it. */
  onHost(value: unknown): unknown {
    return this.#onHost(value);
  }

  /** Calls `listener` for each peer that left or cannot be reached any more. */
  onGone(listener: (id: EngineId, why: string) => void): void {
    this.#gone.push(listener);
  }

  /** True once this engine knows the others. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** The roster version that this engine knows. */
  get version(): number {
    return this.#members.version;
  }

  /** Begins to follow the roster, without a wait for it. Idempotent. */
  follow(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#control.follow();
  }

  // It blocks, because `engine.rank` gives a number and no promise. The control thread has the answer within a round trip to the controller.
  get #known(): Membership {
    if (this.#isFollowing) return this.#members;
    this.follow();
    if (this.#control.awaitRoster()) return this.#members;
    throw peerError(`engine ${this.id} does not know its peers: the controller does not answer`);
  }

  /** The roster changed: closes the links to engines that left, and fails the waits for their mail. */
  roster(message: RosterOutbound): void {
    const left = this.#members.fold(message);
    if (message.type === 'roster' && message.more !== true) this.#isFollowing = true;
    for (const id of left) this.#drop(id, 'it left the cluster');
  }

  /** Bytes that wait in the mailbox. */
  get mailBytes(): number {
    return this.#mailbox.bytes;
  }

  /** Drops all mail whose tag is `topic` or begins with `topic/`, now and later; waits for it fail. */
  forget(topic: string): void {
    this.#forgotten.add(USER + topic);
    this.#mailbox.fail((_, tag) => topicOf(tag) === USER + topic, 'it was called off');
    this.#mailbox.forget(`${USER}${topic}/`);
  }

  /** Takes mail from a peer, at any time. */
  deliver(message: MailMessage, body: Body): void {
    if (this.#forgotten.has(topicOf(message.tag))) return;
    this.#mailbox.deliver(message.from, message.tag, body);
  }

  /**
   * Puts a value into the mailbox of the engine with this rank. Resolves when a large value has left.
   * @throws RangeError for a rank that no engine has, NotSerializableError
   */
  async send(rank: number, tag: string, value: unknown): Promise<void> {
    // Encoded first, so that a value that cannot travel fails before a channel is opened.
    const body = encodeBody(await this.onHost(value));
    const to = this.idOf(rank);
    // Copied, because mail to oneself must not change with the sender's array.
    if (to === this.id) this.#mailbox.deliver(to, USER + tag, body.map(copy));
    else await this.post(to, USER + tag, body);
  }

  /**
   * Takes the next value with this tag from the engine with this rank; waits for it.
   * @throws Error that names who waited for whom, when the time is over or the peer leaves; RangeError for the rank
   */
  async recv(rank: number, tag: string, { timeout = DEFAULT_TIMEOUT }: ReceiveOptions = {}): Promise<unknown> {
    const from = this.idOf(rank);
    const what = `for '${tag}' from engine ${from} (rank ${rank})`;
    return this.decode(await this.take({ from, tag: USER + tag, timeout, what }));
  }

  /** Sends mail to the engine with this id; mail to oneself is not copied. @throws PeerError when it has left */
  async post(to: EngineId, tag: string, body: Body): Promise<void> {
    if (to === this.id) this.#mailbox.deliver(to, tag, body);
    else await this.message(to, { type: 'mail', from: this.id, tag }, body);
  }

  /** Sends a message to the peers socket of a peer. @throws PeerError when it has left, ConnectionError */
  async message(to: EngineId, message: MailMessage | RelayMessage, body: Body): Promise<void> {
    const record = this.#known.find(to, this.#version);
    if (record === undefined) throw peerError(`engine ${this.id} cannot send to engine ${to}: it left the cluster`);
    await this.#channel(record).send(message, body);
  }

  /** The engine id of a rank. @throws RangeError */
  idOf(rank: number): EngineId {
    const id = this.ids[rank];
    if (id !== undefined) return id;
    throw new RangeError(`engine ${this.id} knows no rank ${rank}: there are ${this.ids.length} engines`);
  }

  /** The value of a mail's body. */
  decode(body: Body): unknown {
    return decodeBody(body, this.#revivers);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
    this.#channels.clear();
  }

  // Peers answer on channels of their own, so nothing comes back on these.
  #channel(record: EngineRecord): Channel<PeersInbound> {
    const { id } = record;
    const known = this.#channels.get(id);
    if (known !== undefined) return known;
    const why = missingForward(record, this.machine);
    if (why !== undefined) throw this.#unreachable(id, why);
    const endpoint = nearEndpoint(record, this.machine) ?? record.peers;
    const channel = openChannel({ transport: this.#transport, endpoint, conversation: PEERS }, `engine ${id}`, {
      message: () => {},
      down: (reason) => this.#drop(id, reason.message),
    });
    this.#channels.set(id, channel);
    return channel;
  }

  // Collectives with it end. Its own mail may still come: a forward goes one way.
  #unreachable(id: EngineId, why: string): Error {
    for (const listener of this.#gone) listener(id, why);
    return peerError(`engine ${this.id} cannot send to engine ${id}: ${why}`);
  }

  get #version(): number | undefined {
    return this.#current.running?.message.roster;
  }

  #drop(id: EngineId, why: string): void {
    void this.#channels.get(id)?.close();
    this.#channels.delete(id);
    this.#mailbox.fail((from) => from === id, why);
    for (const listener of this.#gone) listener(id, why);
  }
}

/** A tag is `topic` or `topic/rest`. */
function topicOf(tag: string): string {
  const end = tag.indexOf('/');
  return end < 0 ? tag : tag.slice(0, end);
}

function copy(part: Uint8Array): Uint8Array {
  return new Uint8Array(part);
}
