// The messages of the controller's two sockets: engines register at one, clients follow the roster at the other.
import {
  flag,
  type Infer,
  list,
  name,
  num,
  type ObjectOf,
  object,
  optional,
  type Reader,
  text,
  union,
  whole,
} from '../fields.ts';
import { AGENT_INBOUND, AGENT_OUTBOUND } from './agent.ts';
import { backlogFields } from './backlog.ts';
import { engineFields, engineRow } from './engine-record.ts';
import { fate } from './fate.ts';
import { hello } from './hello.ts';

/** Engines of one cluster: a client has a descriptor for each of them, and the controller another one. */
export const MAX_ENGINES = 16_384;

const clusterVerb = union('do', {
  stop: {},
  restart: { ids: list(whole) },
  shutdown: { ids: list(whole) },
  add: { n: whole },
  /** So many engines: more are started, or those with the least to do end when they are idle. */
  scale: { n: whole },
  /** From now on as many as the load-balanced work of all clients wants, within these bounds. */
  adapt: { min: whole, max: whole },
});

const version = optional(whole);

const departedFields = {
  id: whole,
  uuid: text,
  /** The roster versions that brought it, and that no longer have it. */
  since: whole,
  until: whole,
};

/** An engine that has left, as engines remember it. */
export interface Departed extends ObjectOf<typeof departedFields> {}

const departed: Reader<Departed> = object(departedFields);

const down = { id: whole, uuid: text, reason: text, fate: optional(fate), replaced: optional(flag) };

/** One of several changes of the roster in one message. */
const change = union('type', { 'engine-up': { engine: engineRow }, 'engine-down': down });

/** Client → controller, on the roster socket. */
export const ROSTER_INBOUND = union('type', {
  /** Tell me who is there, and who comes and goes. */
  hello,
  /** Something that the cluster's launcher does. */
  cluster: { request: whole, verb: clusterVerb },
  /** My load-balanced work, where the controller wants to know. */
  backlog: backlogFields,
});

/** Engine or agent → controller, on the registry socket. */
export const REGISTRY_INBOUND = union('type', {
  /**
   * I am here. `slot` is the id that it wants. `proof` is a random text that the engine tells nobody else: a second
   * registration, over another link, must have the same. `alone`: it does not follow the roster before it says so.
   */
  register: { engine: object(engineFields), slot: optional(whole), proof: optional(name), alone: optional(flag) },
  /** Tell me who is there, and who comes and goes. Only over the link that registered this uuid. */
  follow: { uuid: name },
  /** I end. Only over the link that registered this uuid. */
  unregister: { uuid: name },
  /** I am alive. Only over the link that registered this uuid. `quiet`: it wants no answer, unless it must end. */
  heartbeat: { uuid: name, quiet: optional(flag) },
  /**
   * My main loop has not turned for so many milliseconds, although no task runs. 0: it turns again. Only over the link
   * that registered this uuid.
   */
  blocked: { uuid: name, ms: whole },
  /** I do not end when I have nothing to do: the answer to `retire` with `over`. One that ends already does not answer. */
  stays: { uuid: name },
  /** Its launcher, over a link of its own: that engine has ended. `proof` is the one with which it registered. */
  ended: { uuid: name, proof: name, reason: text, fate: optional(fate) },
  ...AGENT_INBOUND,
});

/** Controller → engine or client. `version` grows with each engine that comes or goes: it orders what they know. */
export const ROSTER_OUTBOUND = union('type', {
  /** The engine's id. `beat`: milliseconds between two heartbeats; absent: 1000. */
  registered: { id: whole, beat: optional(whole) },
  /**
   * Every engine, in pages counted from 0; `more`: another page comes. `dead`: ids of those that died and can be restarted.
   * To engines, `left`: those that have left last, for tasks of clients that have seen them.
   */
  roster: {
    engines: list(engineRow),
    version,
    dead: optional(list(whole)),
    left: optional(list(departed)),
    page: optional(whole),
    more: optional(flag),
  },
  /** Engines that came and went, in order. */
  changes: { changes: list(change), version },
  'engine-up': { engine: engineRow, version },
  /** `replaced`: another engine starts under the same id. */
  'engine-down': { ...down, version },
  /** The replacement that 'engine-down' promised could not be started. */
  'replacement-failed': { id: whole, reason: text },
  /** Code that a task has left behind blocks this engine: tasks that wait there do not start. */
  'engine-blocked': { id: whole, uuid: text, reason: text },
  /** Errors that nobody handled on this engine; `pid`: the process that has printed them. */
  'engine-error': { id: whole, uuid: text, text, pid: whole },
  /** To engines: this client died without a goodbye. */
  'client-gone': { client: text },
  /** The answer to `cluster`; `error` says why it failed. */
  'cluster-reply': { request: whole, error: optional(text) },
  /**
   * This engine will end soon, at `until` (milliseconds since 1970) where that is known: give it no new work that others
   * could do. `over`: it stays.
   */
  'engine-draining': { id: whole, uuid: text, until: optional(num), over: optional(flag) },
  /** To clients: tell your `backlog` every so many milliseconds, while it changes; 0: not any more. */
  'backlog-wanted': { every: whole },
  /** To engines: end when nothing runs and nothing waits. `over`: not any more, if you have not begun to end. */
  retire: { over: optional(flag) },
  /** The cluster stops. */
  stopping: {},
  ...AGENT_OUTBOUND,
});

/** A request that a client makes to the cluster's launcher. */
export type ClusterVerb = Infer<typeof clusterVerb>;

/** See ROSTER_INBOUND. */
export type RosterInbound = Infer<typeof ROSTER_INBOUND>;

/** See REGISTRY_INBOUND. */
export type RegistryInbound = Infer<typeof REGISTRY_INBOUND>;

/** See ROSTER_OUTBOUND. */
export type RosterOutbound = Infer<typeof ROSTER_OUTBOUND>;
