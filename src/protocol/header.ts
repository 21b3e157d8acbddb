// The fields of every header, as a table. A header is copied field by field, so nothing else of it gets in.
import { ProtocolError } from '../errors.ts';
import {
  asObject,
  type Field,
  flag,
  json,
  list,
  num,
  object,
  oneOf,
  optional,
  orNull,
  record,
  text,
  union,
  whole,
} from './fields.ts';
import {
  type ClusterVerb,
  type DeviceReport,
  type EngineRecord,
  type Header,
  PROTOCOL_VERSION,
  type ReplyMetadata,
  type TaskMessage,
} from './messages.ts';
import type { WireError } from './values/wire-error.ts';

/** Bytes of the largest header of any type. */
export const MAX_HEADER = 4 * 1024 * 1024;
const SMALL_HEADER = 64 * 1024;
const MAX_CAUSES = 16;

// They bear text of programs, or lists that grow with queue and roster.
const LARGE = new Set(['reply', 'output', 'abort', 'interrupt', 'purge', 'control-reply', 'roster']);

/** Bytes that a header of this type may have. */
export function headerLimit(type: string): number {
  return LARGE.has(type) ? MAX_HEADER : SMALL_HEADER;
}

const metadata = object<ReplyMetadata>({
  started: orNull(num),
  completed: num,
  executionCount: optional(whole),
  stdout: text,
  stderr: text,
});

const wireError: Field<WireError> = (value, where) => errorFields(value, where);

const errorFields = object<WireError>({
  name: text,
  message: text,
  stack: text,
  code: optional(text),
  cause: optional((value, where) => {
    if (where.split('.cause').length > MAX_CAUSES) throw new ProtocolError(`${where}: over ${MAX_CAUSES} causes`);
    return wireError(value, where);
  }),
});

const device = object<DeviceReport>({
  kind: oneOf('webgpu', 'headlessgl', 'tensorflow', 'wasm', 'cpu'),
  adapter: text,
  driver: text,
  software: flag,
  gpuMode: text,
  tfBackend: text,
  matmul: text,
  threads: num,
  limits: record(num),
  features: list(text),
  versions: record(text),
});

const unnumbered = { uuid: text, pid: whole, host: text, tasks: text, control: text, device };
const engine = object<EngineRecord>({ id: whole, ...unnumbered });

const verb = union<ClusterVerb, 'do'>('do', {
  stop: object({ do: oneOf('stop') }),
  restart: object({ do: oneOf('restart'), ids: list(whole) }),
  shutdown: object({ do: oneOf('shutdown'), ids: list(whole) }),
  add: object({ do: oneOf('add'), n: whole }),
});

const request = { id: whole, to: text };
const ids = optional(list(text));

const header = union<Header, 'type'>('type', {
  task: object({
    type: oneOf('task'),
    id: text,
    to: text,
    method: oneOf('apply', 'execute', 'push', 'pull', 'map', 'clear', 'matmul', 'ring', 'kernel', 'memory', 'describe'),
    label: text,
    runTimeout: optional(num),
    roster: optional(whole),
    call: optional(whole),
    relayed: optional(object<NonNullable<TaskMessage['relayed']>>({ key: text, from: optional(whole) })),
  }),
  fetch: object({ type: oneOf('fetch'), id: text }),
  need: object({ type: oneOf('need'), id: text }),
  body: object({ type: oneOf('body'), id: text }),
  mail: object({ type: oneOf('mail'), from: whole, tag: text }),
  relay: object({
    type: oneOf('relay'),
    key: text,
    chain: list(whole),
    sizes: list(whole),
    part: whole,
    offset: whole,
  }),
  reply: object({
    type: oneOf('reply'),
    id: text,
    status: oneOf('ok', 'error', 'aborted', 'refused'),
    metadata,
    error: optional(wireError),
  }),
  output: object({
    type: oneOf('output'),
    id: text,
    stream: oneOf('stdout', 'stderr', 'display', 'data'),
    text: optional(text),
  }),
  ping: object({ ...request, type: oneOf('ping') }),
  status: object({ ...request, type: oneOf('status') }),
  abort: object({ ...request, type: oneOf('abort'), ids: list(text) }),
  purge: object({ ...request, type: oneOf('purge'), ids, client: optional(text) }),
  interrupt: object({ ...request, type: oneOf('interrupt'), ids, grace: optional(num) }),
  shutdown: object({ ...request, type: oneOf('shutdown') }),
  'control-reply': object({
    type: oneOf('control-reply'),
    id: whole,
    ok: flag,
    error: optional(text),
    value: optionalJson(),
  }),
  register: object({ type: oneOf('register'), engine: object(unnumbered), slot: optional(whole) }),
  unregister: object({ type: oneOf('unregister'), uuid: text }),
  hello: object({ type: oneOf('hello'), client: text }),
  heartbeat: object({ type: oneOf('heartbeat'), uuid: text }),
  cluster: object({ type: oneOf('cluster'), request: whole, verb }),
  registered: object({ type: oneOf('registered'), id: whole }),
  roster: object({ type: oneOf('roster'), engines: list(engine), version: optional(whole) }),
  'engine-up': object({ type: oneOf('engine-up'), engine, version: optional(whole) }),
  'engine-down': object({
    type: oneOf('engine-down'),
    id: whole,
    uuid: text,
    reason: text,
    version: optional(whole),
  }),
  'cluster-reply': object({ type: oneOf('cluster-reply'), request: whole, error: optional(text) }),
  stopping: object({ type: oneOf('stopping') }),
});

function optionalJson(): Field<unknown> {
  return optional(json);
}

/** A checked copy of a parsed header. @throws ProtocolError that names the versions, or the field */
export function checkHeader(value: unknown): Header {
  const { v, type } = asObject(value, 'a header');
  if (v !== PROTOCOL_VERSION) {
    const theirs = typeof v === 'number' ? v : 'none';
    throw new ProtocolError(
      `protocol versions differ: the peer speaks ${theirs}, this side ${PROTOCOL_VERSION}; run the same directview on both`,
    );
  }
  return header(value, typeof type === 'string' ? type.slice(0, 32) : 'header');
}
