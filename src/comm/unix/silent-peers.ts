import { clearTimeout, setTimeout } from 'node:timers';
import { descriptorLimit } from '../zeromq/descriptors.ts';
import type { StreamCarrier } from './stream.ts';

/** A peer that has not sent a packet after this many ms is closed. */
const SILENT_MS = 5000;
/** So many peers may be silent, however few descriptors the process may have. */
const LEAST = 32;

/** Bounds of silent peers. */
export interface SilentLimits {
  /** Milliseconds that a peer has for its first packet; default 5000. */
  readonly ms?: number | undefined;
  /** How many may be silent at once; default a quarter of the descriptors that this process may have. */
  readonly most?: number | undefined;
}

/**
 * New peers of a listener that have not sent a packet: bounded in time and number, so that they do not use up the descriptors of
 * this process. Over the limit the oldest one is closed.
 */
export class SilentPeers {
  readonly #ms: number;
  readonly #most: number;
  /** Peers that are younger than the limit, oldest first, also those that have spoken since. */
  readonly #young = new Map<StreamCarrier, NodeJS.Timeout>();

  constructor({ ms = SILENT_MS, most = Math.max(LEAST, Math.floor(descriptorLimit() / 4)) }: SilentLimits = {}) {
    this.#ms = ms;
    this.#most = most;
  }

  /** A peer has connected. */
  add(peer: StreamCarrier): void {
    this.#young.set(peer, setTimeout(() => this.#close(peer, 'it has said nothing'), this.#ms).unref());
    for (const oldest of this.#young.keys()) {
      if (this.#young.size <= this.#most) return;
      this.#close(oldest, `${this.#most} younger peers have said nothing, like it`);
    }
  }

  /** A peer has gone. */
  delete(peer: StreamCarrier): void {
    clearTimeout(this.#young.get(peer));
    this.#young.delete(peer);
  }

  #close(peer: StreamCarrier, why: string): void {
    this.delete(peer);
    if (!peer.hasHeard) peer.lost(why);
  }
}
