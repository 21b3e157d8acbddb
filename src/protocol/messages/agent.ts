// The messages between the agent of a placement and the controller: they share the registry socket with the engines'.
import {
  flag,
  type Infer,
  line,
  list,
  name,
  num,
  type ObjectOf,
  object,
  optional,
  orNull,
  text,
  union,
  whole,
} from '../fields.ts';
import { fate } from './fate.ts';

const siteFields = {
  /** The host's name. */
  host: line,
  /** The agent's process there. */
  pid: whole,
  /** The number of the job, as its scheduler writes it. */
  job: optional(line),
  /** The place among the agents of one launch, counted from 0. */
  rank: optional(whole),
  /** Milliseconds since 1970 at which the scheduler will end the job. */
  until: optional(num),
};

/** Where an agent runs. */
export interface AgentSite extends ObjectOf<typeof siteFields> {}

/** Agent → controller. `token` is that of its launch: no engine knows it. */
export const AGENT_INBOUND = {
  /** These engines are mine; also every few seconds, as a sign of life. `running`: those whose process runs. */
  agent: { token: name, slots: list(whole), running: list(whole), site: object(siteFields) },
  /** The process of that engine has ended; `error`: it could not be started. `output`: its last lines. */
  'agent-ended': {
    token: name,
    slot: whole,
    pid: whole,
    code: orNull(whole),
    signal: orNull(text),
    error: optional(text),
    output: text,
    fate: optional(fate),
    /** A signal that the agent got has ended it: its system knows why. */
    bySystem: optional(flag),
    /** Numbers the reports of this agent: the answer repeats it. */
    report: whole,
  },
  /** The scheduler has said that it will end these engines soon. */
  'agent-draining': { token: name, slots: list(whole), until: optional(num) },
  /** Errors on an engine that nobody handled. */
  'agent-fault': { token: name, slot: whole, report: text },
  /** Text that an engine printed outside of tasks, for its log. */
  'agent-output': { token: name, slot: whole, text },
} as const;

const order = union('do', {
  /** Start engines in these slots again. */
  start: { slots: list(whole) },
  signal: { slots: list(whole), signal: text },
  /** End these engines: `grace` milliseconds between asking and killing. */
  stop: { slots: list(whole), grace: num },
  /** End all of them and yourself. */
  leave: { grace: num },
});

/** Controller → agent. */
export const AGENT_OUTBOUND = {
  /** I know you; `report`: that report has arrived. `refused`: this cluster does not know your launch, or has ended it. */
  'agent-seen': { report: optional(whole), refused: optional(flag) },
  'agent-order': { order },
} as const;

/** A request of the controller to an agent. */
export type AgentOrder = Infer<typeof order>;

const inbound = union('type', AGENT_INBOUND);

/** The messages of agents to the controller. */
export type AgentInbound = Infer<typeof inbound>;
