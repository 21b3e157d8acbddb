import { credentialsText } from '../../protocol/credentials.ts';
import { requestFields } from '../../protocol/engine-options.ts';
import {
  list,
  num,
  type ObjectOf,
  object,
  optional,
  positive,
  type Reader,
  record,
  text,
  whole,
} from '../../protocol/fields.ts';
import { engineNetwork } from '../network/engine-address.ts';

const optionFields = {
  ...requestFields,
  /** The endpoint of the controller's registry. */
  controller: text,
  /** The keys of engines, where the cluster listens on tcp. */
  credentials: optional(credentialsText),
  /** Names the launch to the controller. Engines do not get it. */
  token: text,
  /** The engines of the launch; the agent takes those of its rank. */
  slots: list(whole),
  /** How many it takes; default 1. */
  perAgent: optional(positive),
  /** Default: read from the variables of the scheduler. */
  rank: optional(whole),
  /** The place of its first engine among those of its host, which decides about cards; default: its local rank tells. */
  firstPlace: optional(whole),
  /** The number of its job; default: read from the variables of the scheduler. */
  job: optional(text),
  /** Where the engines listen, where the cluster listens on tcp. */
  network: optional(engineNetwork),
  /** The private folder of the engines' sockets, where they are not tcp ports. */
  sockets: optional(text),
  /** Variables for the engines. */
  env: optional(record(text)),
  /** The engines' working directory; default: the agent's. */
  cwd: optional(text),
  /** Milliseconds without the controller after which agent and engines end; default 60 000. */
  deathTimeout: optional(num),
  /** Milliseconds between the request to end and the kill; default 5000. */
  grace: optional(num),
};

/** The options of an agent: one line of JSON on its standard input, or in a private file. */
export interface AgentOptions extends ObjectOf<typeof optionFields> {}

const read: Reader<AgentOptions> = object(optionFields);

/** Reads the line. @throws ProtocolError naming the option; the error never quotes the line, which holds keys */
export function parseAgentOptions(line: string): AgentOptions {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    json = undefined;
  }
  return read(json, 'the options of the agent');
}
