// Shared by the tests of links: an inbox that can be awaited, and waiting for a condition.
import type { Link, LinkHandlers, Parts } from '../../src/comm/transport.ts';

/** Collects what a side of a link receives. */
export class Mailbox implements LinkHandlers {
  readonly messages: Uint8Array[][] = [];
  readonly links: Link[] = [];
  readonly downs: Error[] = [];

  readonly onMessage = (parts: Uint8Array[], link: Link): void => {
    this.messages.push(parts);
    if (!this.links.includes(link)) this.links.push(link);
  };

  readonly onDown = (_: Link, reason: Error): void => {
    this.downs.push(reason);
  };

  /** Resolves when `n` messages are here. */
  async until(n: number): Promise<Uint8Array[][]> {
    await waitFor(() => this.messages.length >= n, `${n} messages`);
    return this.messages;
  }
}

/** Handlers that send every message back. */
export const echo: LinkHandlers = {
  onMessage: (parts, link) => void link.send(parts),
};

/** Polls until true; throws after 60 s, naming what was awaited. */
export async function waitFor(done: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!done()) {
    if (performance.now() > limit) throw new Error(`waited in vain for ${what}`);
    await pause(2);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Bytes that differ with the seed and the place. */
export function pattern(bytes: number, seed = 1): Buffer {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  for (let i = 0; i < bytes; i++) buffer[i] = (i * 31 + (i >>> 8) * 7 + (i >>> 16) * 13 + seed) & 0xff;
  return buffer;
}

/** Same number of parts, same bytes. */
export function sameParts(a: Parts, b: Parts): boolean {
  return a.length === b.length && a.every((part, i) => Buffer.compare(part, b[i] as Uint8Array) === 0);
}
