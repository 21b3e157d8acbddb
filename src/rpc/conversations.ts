// The conversations of a cluster: each has a side that listens, sides that connect, and a list of what each may say.
import type { SocketRole } from '../comm/transport.ts';
import type { Union } from '../protocol/fields.ts';
import {
  CONTROL_INBOUND,
  CONTROL_REPLIES,
  type ControlReply,
  type ControlRequest,
} from '../protocol/messages/control.ts';
import type { HelloMessage } from '../protocol/messages/hello.ts';
import {
  REGISTRY_INBOUND,
  type RegistryInbound,
  ROSTER_INBOUND,
  ROSTER_OUTBOUND,
  type RosterInbound,
  type RosterOutbound,
} from '../protocol/messages/roster.ts';
import {
  type Header,
  PEERS_INBOUND,
  PEERS_OUTBOUND,
  type PeersInbound,
  TASKS_INBOUND,
  TASKS_OUTBOUND,
  type TasksInbound,
  type TasksOutbound,
} from '../protocol/messages.ts';

/** The messages that each side may send. `Inbound` goes to the side that listens, `Outbound` comes from it. */
export interface Conversation<Inbound extends Header, Outbound extends Header> {
  /** Names the socket, in the wire trace too. */
  readonly name: SocketRole;
  readonly inbound: Union<Inbound>;
  readonly outbound: Union<Outbound>;
}

/** The engine listens; clients send tasks. */
export const TASKS: Conversation<TasksInbound, TasksOutbound> = {
  name: 'tasks',
  inbound: TASKS_INBOUND,
  outbound: TASKS_OUTBOUND,
};

/** The engine's control thread listens; clients and the controller ask. */
export const CONTROL: Conversation<HelloMessage | ControlRequest, ControlReply> = {
  name: 'control',
  inbound: CONTROL_INBOUND,
  outbound: CONTROL_REPLIES,
};

/** The engine listens; other engines send values. They answer on channels of their own. */
export const PEERS: Conversation<PeersInbound, never> = {
  name: 'peers',
  inbound: PEERS_INBOUND,
  outbound: PEERS_OUTBOUND,
};

/** The controller listens; engines register, and follow the roster. */
export const REGISTRY: Conversation<RegistryInbound, RosterOutbound> = {
  name: 'registry',
  inbound: REGISTRY_INBOUND,
  outbound: ROSTER_OUTBOUND,
};

/** The controller listens; clients follow the roster, and ask the cluster's launcher. */
export const ROSTER: Conversation<RosterInbound, RosterOutbound> = {
  name: 'roster',
  inbound: ROSTER_INBOUND,
  outbound: ROSTER_OUTBOUND,
};
