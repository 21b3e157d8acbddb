// The seam between messages and sockets. `zeromq.ts` and `memory.ts` implement it; layers above see whole messages.

/**
 * One whole message: part 0 is the header, the others are payload bytes of any size (0 to 4 GB each).
 * A received part starts at an offset that is a multiple of 8 within its buffer, so that it can be viewed as any dtype.
 */
export type Parts = readonly Uint8Array[];

/**
 * An ordered, reliable lane of whole messages to one peer. Messages arrive in the order of `send`, each once, as long
 * as the link lives. Large parts cross in chunks under a credit window in bytes; small messages are batched.
 */
export interface Link {
  /**
   * Queues a message. Small parts are copied at once; large ones are read until the promise settles, so their buffers
   * must not change before. Resolves when the peer holds every byte of a large message (at once for a small one);
   * rejects with ConnectionError when the link goes down first, and with another error if the message cannot be sent.
   */
  send(parts: Parts): Promise<void>;
  /** True once the link was closed or went down. */
  readonly ended?: boolean | undefined;
  /** Bytes queued or in flight: what back-pressure looks at. */
  readonly pendingBytes: number;
  /** Resolves when small messages have left this process, or the link has ended. It does not wait for large ones. */
  drained(): Promise<void>;
  /** Drops what is queued, rejects its senders, frees the socket. Idempotent. */
  close(): Promise<void>;
}

/** The owner of a link or listener gets messages and its end through these. */
export interface LinkHandlers {
  /** A whole message, with the link to answer on. Must not throw: what it throws is logged and dropped. */
  onMessage(parts: Uint8Array[], link: Link): void;
  /** The peer is gone (closed, died, or sent what no peer sends). Called once per link, never after `close`. */
  onDown?(link: Link, reason: Error): void;
  /**
   * Memory of exactly `bytes` for part `part` of a large message, given the parts before it (no alignment is
   * guaranteed); undefined lets the link allocate it.
   */
  destination?(before: readonly Uint8Array[], part: number, bytes: number): Uint8Array | undefined;
}

/** A bound address. Closing it ends the links of its peers. */
export interface Listener {
  /** Where peers connect: `unix://…` or `tcp://host:port` with the real port. */
  readonly endpoint: string;
  /** Hands what is queued to the socket at once, before the process ends. A peer whose pipe is full misses it. */
  flush(): void;
  close(): Promise<void>;
}

/** The sizes of chunks, windows and messages. */
export interface TransportOptions {
  /** Chunk bytes; default 2 MiB for unix, 1 MiB for tcp. */
  readonly chunkBytes?: number;
  /** Bytes in flight per peer before the sender waits for credit; default 32 MiB. */
  readonly windowBytes?: number;
  /** Largest whole message that a peer may announce; default 16 GiB. */
  readonly maxMessageBytes?: number;
}

/** The sockets of a cluster. With keys, the name of a socket decides who may connect to it. */
export type SocketRole = 'tasks' | 'control' | 'peers' | 'roster' | 'registry';

/** Both ends must use the same transport and options. */
export interface Transport {
  /**
   * Binds. `unix://` wants a path in a private directory, `tcp://` keys.
   * @throws ConnectionError for an address that these keys do not allow, or one that cannot be bound
   */
  listen(endpoint: string, handlers: LinkHandlers, socket?: SocketRole): Promise<Listener>;
  /** Connects; messages queue until the peer answers. @throws ConnectionError for an address that is not allowed */
  connect(endpoint: string, handlers: LinkHandlers, socket?: SocketRole): Link;
  /** @throws ConnectionError as `connect`, for an address that is not allowed. Absent: nobody knows before. */
  check?(endpoint: string, socket?: SocketRole): void;
  /** True if nobody listens there for certain; a peer that only says nothing refuses nothing. Absent: nobody knows. */
  refuses?(endpoint: string): Promise<boolean>;
}
