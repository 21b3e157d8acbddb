// Other processes find a cluster by its file.
import { fileURLToPath } from 'node:url';
import type { Credentials } from '../../comm/zeromq/credentials.ts';
import { ClusterError, ProtocolError } from '../../errors.ts';
import { credentials } from '../../protocol/credentials.ts';
import {
  flag,
  num,
  type ObjectOf,
  object,
  optional,
  orNull,
  positive,
  type Reader,
  text,
} from '../../protocol/fields.ts';
import { PROTOCOL_VERSION } from '../../protocol/messages.ts';
import { readPrivate } from './private-file.ts';

/** Where the controller of a cluster listens. */
export interface ClusterInfo {
  readonly controller: string;
  readonly clusterId: string;
  /** The keys of clients, where the cluster listens on tcp. They do not print, and they are not in its JSON. @internal */
  readonly credentials?: Credentials | undefined;
}

const identityFields = {
  pid: positive,
  /** Clock ticks from boot to the start of the process, as the kernel counts them; null without /proc. */
  started: orNull(text),
  host: text,
  /** The pid namespace: in another container the same pid is another process. */
  space: orNull(text),
};

/** The process that owns a cluster. A pid alone does not name it, because the system uses pids again. */
export interface ProcessIdentity extends ObjectOf<typeof identityFields> {}

/** Reads a ProcessIdentity from parsed JSON. @throws ProtocolError */
export const processIdentity: Reader<ProcessIdentity> = object(identityFields);

const fileFields = {
  /** The protocol version: a client of another version cannot talk to this cluster. */
  version: num,
  name: text,
  clusterId: text,
  /** The controller's endpoint. */
  controller: text,
  /** The private directory of the sockets. */
  runDir: text,
  /** Milliseconds since the epoch. */
  started: num,
  owner: processIdentity,
  /** True if its program gave it no name: commands then use it only when it is named. */
  isUnnamed: optional(flag),
  /** The keys of clients. @internal */
  credentials: optional(credentials),
};

/** The content of a cluster file. */
export interface ClusterFile extends ObjectOf<typeof fileFields> {}

const clusterFile: Reader<ClusterFile> = object(fileFields);

/**
 * Reads and checks a cluster file.
 * @throws ClusterError when it is missing, a link, not regular, another user's, open to others, damaged, or of another version
 */
export function loadClusterFile(file: string | URL): ClusterFile {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  return parse(readPrivate(path), path);
}

function parse(json: string, path: string): ClusterFile {
  const file = read(json, path);
  if (file.version === PROTOCOL_VERSION) return file;
  throw new ClusterError(
    `${path} is of protocol version ${file.version}, this directview speaks version ${PROTOCOL_VERSION}`,
  );
}

function read(json: string, path: string): ClusterFile {
  try {
    return clusterFile(JSON.parse(json), 'the file');
  } catch (error) {
    // The error of JSON.parse quotes the text, which may be a key.
    const cause = error instanceof ProtocolError ? error : undefined;
    throw new ClusterError(`${path} is damaged: it is not a cluster file`, { cause });
  }
}
