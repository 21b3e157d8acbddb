import { limitsOf } from '../link.ts';
import type { Transport, TransportOptions } from '../transport.ts';
import { reserveDescriptors } from '../zeromq/descriptors.ts';
import { checkFree, parsePath } from '../zeromq/endpoint.ts';
import { refuses } from '../zeromq/reach.ts';
import { BulkFolder } from './bulk-folder.ts';
import { connectStream } from './connector.ts';
import type { FindMemory } from './lent-memory.ts';
import { UnixListener } from './listener.ts';
import { Outgoing } from './outgoing.ts';
import type { SilentLimits } from './silent-peers.ts';

/** Bytes of a chunk: one slot of a bulk file. */
const CHUNK_BYTES = 2 * 1024 * 1024;
let folder: BulkFolder | undefined;

/** The sizes of a lane, and where its bulk files are. */
export interface UnixOptions extends TransportOptions {
  /** Default: the folder of this user in shared memory. @internal */
  readonly folder?: BulkFolder | undefined;
  /** How memory of processes is read; default the system's way. @internal */
  readonly memory?: FindMemory | undefined;
  /** Bounds of peers that have not sent a packet. @internal */
  readonly silent?: SilentLimits | undefined;
}

/**
 * Transport between processes of one user on one host: `unix://` and an absolute path in a private directory. Packets go over a
 * Unix socket. Large data are read in the memory of the process that sends them, or go through files in shared memory, where both
 * ends can do so.
 *
 * `onDown` is called as that of zeromqTransport; a peer that dies is noticed at once, one that is stopped never.
 */
export function unixTransport(options: UnixOptions = {}): Transport {
  const limits = limitsOf(options, CHUNK_BYTES);
  folder ??= new BulkFolder();
  const own = options.folder ?? folder;
  const where = {
    limits,
    folder: own,
    outgoing: new Outgoing(own, limits.chunkBytes),
    silent: options.silent,
    memory: options.memory,
  };
  return {
    listen: async (name, handlers) => {
      const path = parsePath(name);
      await checkFree(path);
      const listener = new UnixListener(path, { ...where, name, handlers });
      await listener.bind();
      return listener;
    },
    connect: (name, handlers) => {
      const path = parsePath(name);
      const settled = reserveDescriptors(`a link to ${name}`);
      return connectStream(path, { ...where, name, handlers }, settled);
    },
    check: (name) => void parsePath(name),
    refuses,
  };
}
