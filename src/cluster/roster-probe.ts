// A short-lived follower of a controller: reads the roster, asks for something, watches who joins.
import type { Link, Transport } from '../comm/transport.ts';
import { zeromqTransport } from '../comm/zeromq.ts';
import { ClusterError, TimeoutError } from '../errors.ts';
import { decodeHeader, encodeMessage } from '../protocol/codec.ts';
import type { ClusterVerb, EngineRecord, RosterOutbound } from '../protocol/messages.ts';

type Taken<T> = { readonly value: T } | undefined;
interface Wait {
  /** True when the message settled it. */
  take(message: RosterOutbound): boolean;
  fail(error: Error): void;
}

export class RosterProbe {
  readonly #link: Link;
  readonly #waits = new Set<Wait>();

  constructor(controller: string, transport: Transport = zeromqTransport()) {
    this.#link = transport.connect(controller, {
      onMessage: (parts) => this.#take(decodeHeader(parts) as RosterOutbound),
      onDown: (_link, reason) => this.#fail(new ClusterError(`the controller is gone: ${reason.message}`)),
    });
    this.#link.send(encodeMessage({ type: 'hello', client: `probe-${process.pid}` })).catch(() => {});
  }

  #take(message: RosterOutbound): void {
    for (const wait of this.#waits) if (wait.take(message)) this.#waits.delete(wait);
  }

  #fail(error: Error): void {
    for (const wait of this.#waits) wait.fail(error);
    this.#waits.clear();
  }

  /** The first value that `pick` takes from a message. */
  #next<T>(what: string, timeout: number, pick: (message: RosterOutbound) => Taken<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const value = new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => reject(new TimeoutError(`${what}: no answer within ${timeout} ms`)), timeout);
      this.#waits.add({
        take: (message) => {
          const taken = pick(message);
          if (taken !== undefined) resolve(taken.value);
          return taken !== undefined;
        },
        fail: reject,
      });
    });
    return value.finally(() => clearTimeout(timer));
  }

  /** The live engines. Once per probe. @throws TimeoutError, ClusterError */
  engines(timeout: number): Promise<readonly EngineRecord[]> {
    return this.#next('the roster', timeout, (m) => (m.type === 'roster' ? { value: m.engines } : undefined));
  }

  /** The engine of that process, when it has registered. @throws TimeoutError, ClusterError */
  joined(pid: number, timeout: number): Promise<EngineRecord> {
    return this.#next(`engine process ${pid}`, timeout, (m) => {
      const engines = m.type === 'roster' ? m.engines : m.type === 'engine-up' ? [m.engine] : [];
      const engine = engines.find((one) => one.pid === pid);
      return engine && { value: engine };
    });
  }

  /** Has the cluster's launcher do something. @throws TimeoutError; ClusterError with the launcher's reason */
  async ask(verb: ClusterVerb, timeout: number): Promise<void> {
    const request = 1;
    const reply = this.#next(`'${verb.do}'`, timeout, (m) =>
      m.type === 'cluster-reply' && m.request === request ? { value: m.error } : undefined,
    );
    this.#link.send(encodeMessage({ type: 'cluster', request, verb })).catch((error: Error) => this.#fail(error));
    const error = await reply;
    if (error !== undefined) throw new ClusterError(error);
  }

  async close(): Promise<void> {
    this.#fail(new ClusterError('the probe was closed')); // or their timers would keep the process
    await this.#link.close();
  }
}
