// The conversations of a cluster: each has a side that listens and sides that connect, and a list of what each may say.
import type {
  ControlReply,
  ControlRequest,
  Header,
  RosterInbound,
  RosterOutbound,
  TasksInbound,
  TasksOutbound,
} from '../protocol/messages.ts';

/** The kinds of messages that a side may send: all of `Message`, or it does not compile. */
export type Kinds<Message extends Header> = { readonly [Kind in Message['type']]: true };

/** Who may say what to whom. `Inbound` goes to the side that listens, `Outbound` comes from it. */
export interface Conversation<Inbound extends Header, Outbound extends Header> {
  /** Names the socket in the wire trace. */
  readonly name: string;
  readonly inbound: Kinds<Inbound>;
  readonly outbound: Kinds<Outbound>;
}

/** The engine listens; clients send tasks, other engines send values. */
export const TASKS: Conversation<TasksInbound, TasksOutbound> = {
  name: 'tasks',
  inbound: { task: true, fetch: true, body: true, mail: true, relay: true },
  outbound: { reply: true, output: true, need: true },
};

/** The engine's control thread listens; clients and the controller ask. */
export const CONTROL: Conversation<ControlRequest, ControlReply> = {
  name: 'control',
  inbound: { ping: true, status: true, abort: true, interrupt: true, shutdown: true, purge: true },
  outbound: { 'control-reply': true },
};

/** The controller listens; engines register, clients follow the roster. */
export const ROSTER: Conversation<RosterInbound, RosterOutbound> = {
  name: 'roster',
  inbound: { register: true, unregister: true, hello: true, heartbeat: true, cluster: true },
  outbound: {
    registered: true,
    roster: true,
    'engine-up': true,
    'engine-down': true,
    'cluster-reply': true,
    stopping: true,
  },
};
