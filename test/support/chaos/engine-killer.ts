import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import type { ClientEvent } from '../../../src/client/links/engine-links.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import { isAlive, until } from '../cluster.ts';

/** Sends signals to engines, waits for what they do, and keeps count. */
export class EngineKiller {
  #rc: Client | undefined;
  /** Incarnations that were killed here. */
  readonly killed = new Set<string>();
  /** Incarnations that this client was told of as gone. */
  readonly gone = new Map<string, { readonly reason: string; readonly at: number }>();

  /** For the option `onEvent` of a client. */
  readonly onEvent = (event: ClientEvent): void => {
    if (event.type === 'engine-down') this.gone.set(event.uuid, { reason: event.reason, at: performance.now() });
  };

  /** The client whose engines these are. */
  serve(rc: Client): this {
    this.#rc = rc;
    return this;
  }

  #engine(id: number): EngineRecord {
    const engine = this.#rc?.engine(id);
    if (engine === undefined) throw new Error(`there is no engine ${id} to kill`);
    return engine;
  }

  /** Kills it. Resolves when the client knows, with the milliseconds that this took. */
  async kill(id: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    const { pid, uuid } = this.#engine(id);
    const start = performance.now();
    this.killed.add(uuid);
    process.kill(pid, signal);
    return this.untilGone(uuid, start);
  }

  /** Waits until the client was told that this incarnation is gone. */
  async untilGone(uuid: string, since: number, limit = 30_000): Promise<number> {
    await until(`the end of ${uuid}`, () => this.gone.has(uuid), limit);
    return (this.gone.get(uuid)?.at as number) - since;
  }

  /** Stops the process of an engine; resolves when the system has stopped it. */
  async freeze(id: number): Promise<EngineRecord> {
    const engine = this.#engine(id);
    process.kill(engine.pid, 'SIGSTOP');
    await untilStopped(engine.pid);
    return engine;
  }

  thaw({ pid }: EngineRecord): void {
    if (isAlive(pid)) process.kill(pid, 'SIGCONT');
  }

  /** The engines that were killed are gone, and no others. */
  check(): void {
    assert.equal([...this.gone.keys()].sort(), [...this.killed].sort(), 'killed, and gone');
  }
}

/** Waits until the system has stopped that process: a fault point with `stop` was reached, or SIGSTOP came. */
export async function untilStopped(pid: number, limit = 10_000): Promise<void> {
  await until(`process ${pid} to stop`, () => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')), limit);
}
