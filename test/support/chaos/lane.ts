import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RESEND_MS, type Sky } from './weather.ts';

/** Bytes that wait in a lane before it stops to read: a short network holds few, a long one as many as are sent. */
const SHORT_BYTES = 256 * 1024;
const LONG_BYTES = 64 * 1024 * 1024;
/** Slices a second of a throttled lane. */
const SLICES = 20;

/** Bytes on their way. */
interface Piece {
  readonly came: number;
  /** When they may leave. */
  readonly due: number;
  bytes: Buffer;
}

/** One direction of one connection: bytes go in order from one socket to the other, as the sky lets them. */
export class Lane {
  readonly #to: Socket;
  readonly #from: Socket;
  readonly #sky: Sky;
  readonly #cut: () => void;
  #queue: Piece[] = [];
  #waiting = 0;
  #isPumping = false;
  #hasEnded = false;

  constructor(from: Socket, to: Socket, sky: Sky, cut: () => void) {
    this.#from = from;
    this.#to = to;
    this.#sky = sky;
    this.#cut = cut;
    from.on('data', (bytes) => this.#take(bytes as Buffer));
    from.on('end', () => {
      this.#hasEnded = true;
      void this.#pump();
    });
    from.on('close', () => {
      if (!this.#hasEnded) to.destroy();
    });
    from.on('error', () => to.destroy());
  }

  #take(bytes: Buffer): void {
    const { delay, jitter, loss } = this.#sky.now;
    const came = performance.now();
    const due = came + delay + jitter * Math.random() + (Math.random() < loss ? RESEND_MS : 0);
    this.#queue.push({ came, due, bytes });
    this.#waiting += bytes.length;
    if (this.#waiting > this.#room) this.#from.pause();
    void this.#pump();
  }

  get #room(): number {
    return this.#sky.now.delay > 0 ? LONG_BYTES : SHORT_BYTES;
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let first = this.#queue[0]; first !== undefined && !this.#to.destroyed; first = this.#queue[0]) {
      if (this.#sky.now.isHeld) await this.#sky.change();
      else await this.#pass(first);
    }
    this.#isPumping = false;
    if (this.#hasEnded && this.#queue.length === 0) this.#to.end();
  }

  async #pass(first: Piece): Promise<void> {
    const early = first.due - performance.now();
    if (early > 0) await sleep(early);
    if (this.#sky.now.isHeld || this.#to.destroyed) return;
    const { rate } = this.#sky.now;
    const slice = Math.max(1, Math.min(first.bytes.length, rate / SLICES)) | 0;
    const { bytes, fault } = this.#sky.limit(slice);
    const piece = first.bytes.subarray(0, bytes);
    if (fault === 'corrupt') piece[bytes - 1] = (piece[bytes - 1] as number) ^ 0xff;
    first.bytes = first.bytes.subarray(bytes);
    if (first.bytes.length === 0) this.#queue.shift();
    this.#waiting -= bytes;
    if (this.#waiting <= this.#room / 2) this.#from.resume();
    const isFull = bytes > 0 && !this.#to.write(piece);
    this.#sky.count(bytes, performance.now() - first.came);
    if (fault === 'cut') this.#cut();
    else if (isFull) await Promise.race([once(this.#to, 'drain'), once(this.#to, 'close')]).catch(() => {});
    if (rate !== Number.POSITIVE_INFINITY) await sleep((1000 * bytes) / rate);
  }
}
