// The conversations of a cluster: each has a side that listens and sides that connect, and a list of what each may say.
import type { Union } from '../protocol/fields.ts';
import {
  CONTROL_REPLIES,
  CONTROL_REQUESTS,
  type ControlReply,
  type ControlRequest,
  type Header,
  ROSTER_INBOUND,
  ROSTER_OUTBOUND,
  type RosterInbound,
  type RosterOutbound,
  TASKS_INBOUND,
  TASKS_OUTBOUND,
  type TasksInbound,
  type TasksOutbound,
} from '../protocol/messages.ts';

/** Who may say what to whom. `Inbound` goes to the side that listens, `Outbound` comes from it. */
export interface Conversation<Inbound extends Header, Outbound extends Header> {
  /** Names the socket in the wire trace. */
  readonly name: string;
  readonly inbound: Union<Inbound>;
  readonly outbound: Union<Outbound>;
}

/** The engine listens; clients send tasks, other engines send values. */
export const TASKS: Conversation<TasksInbound, TasksOutbound> = {
  name: 'tasks',
  inbound: TASKS_INBOUND,
  outbound: TASKS_OUTBOUND,
};

/** The engine's control thread listens; clients and the controller ask. */
export const CONTROL: Conversation<ControlRequest, ControlReply> = {
  name: 'control',
  inbound: CONTROL_REQUESTS,
  outbound: CONTROL_REPLIES,
};

/** The controller listens; engines register, clients follow the roster. */
export const ROSTER: Conversation<RosterInbound, RosterOutbound> = {
  name: 'roster',
  inbound: ROSTER_INBOUND,
  outbound: ROSTER_OUTBOUND,
};
