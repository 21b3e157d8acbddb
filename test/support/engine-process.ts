// One engine process with a controller and a client of the test's own: the real sockets, no cluster.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, type ControllerEvent } from '../../src/cluster/controller.ts';
import { ENGINE_ENTRY } from '../../src/cluster/launchers/local.ts';
import { clusterTransport } from '../../src/comm/by-scheme.ts';
import type { Link } from '../../src/comm/transport.ts';
import { decodeBody, encodeBody } from '../../src/protocol/codec.ts';
import type { EngineOptions } from '../../src/protocol/engine-options.ts';
import { bodyOf, decodeHeader, encodeMessage } from '../../src/protocol/header-codec.ts';
import type { ControlReply, ControlRequest } from '../../src/protocol/messages/control.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { DroppedMessage, OutputMessage, ReplyMessage, TaskMessage } from '../../src/protocol/messages.ts';
import type { Method } from '../../src/protocol/methods.ts';
import { ChaosProxy } from './chaos/chaos-proxy.ts';

const revivers = {
  fn: (source: string) => source,
  ref: (expression: string) => expression,
  module: (url: string) => url,
};

export interface Answer {
  readonly reply: ReplyMessage;
  readonly value: unknown;
}

type Request = ControlRequest extends infer R ? (R extends unknown ? Omit<R, 'id' | 'to'> : never) : never;

/** A controller of the test's own, without a launcher: engines that register get ids from 0. */
export class TestController {
  readonly folder = mkdtempSync(join(tmpdir(), 'dv-test-'));
  readonly #transport = clusterTransport();
  #controller: Controller | undefined;
  #line: ChaosProxy | undefined;
  #arrived: (() => void)[] = [];
  /** The uuids of engines that said goodbye. */
  readonly unregistered: string[] = [];

  /** Where engines register. */
  get endpoint(): string {
    return `unix://${this.folder}/registry`;
  }

  async listen(): Promise<this> {
    this.#controller = await Controller.listen({
      transport: this.#transport,
      endpoint: `unix://${this.folder}/roster`,
      registry: this.endpoint,
      onEvent: (event) => this.#hear(event),
    });
    this.#line = ChaosProxy.inFrontOf(this.endpoint);
    return this;
  }

  /** From now on it cannot be reached, as if it had been killed. */
  vanish(): void {
    this.#line?.block();
  }

  #hear(event: ControllerEvent): void {
    if (event.type === 'engine-down' && event.reason === 'was shut down') this.unregistered.push(event.uuid);
    if (event.type === 'engine-up') for (const arrived of this.#arrived.splice(0)) arrived();
  }

  async waitFor(n: number): Promise<readonly EngineRecord[]> {
    const engines = () => this.#controller?.engines ?? [];
    while (engines().length < n) await new Promise<void>((resolve) => this.#arrived.push(resolve));
    return engines();
  }

  async close(): Promise<void> {
    await this.#controller?.close();
    await this.#line?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts an engine with its sockets in a private folder of its own. */
export function spawnEngine(
  controller: TestController,
  name: string,
  extra: Partial<EngineOptions> = {},
): { child: ChildProcess; folder: string; stderr: () => string; exit: Promise<[number | null, string | null]> } {
  const folder = mkdtempSync(join(tmpdir(), `dv-${name}-`));
  const child = spawn(process.execPath, [ENGINE_ENTRY], { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  const options: EngineOptions = {
    controller: controller.endpoint,
    tasks: `unix://${folder}/tasks`,
    control: `unix://${folder}/control`,
    peers: `unix://${folder}/peers`,
    device: 'cpu',
    threads: 1,
    ...extra,
  };
  let text = '';
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  child.stdin?.write(`${JSON.stringify(options)}\n`);
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  return { child, folder, stderr: () => text, exit };
}

/** A client of one engine. */
export class TestClient {
  readonly record: EngineRecord;
  readonly outputs: (OutputMessage & { value?: unknown })[] = [];
  /** Messages that the engine could not handle. */
  readonly dropped: DroppedMessage[] = [];
  readonly tasks: Link;
  readonly control: Link;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  readonly #asked = new Map<number, (reply: ControlReply) => void>();
  #next = 0;

  constructor(record: EngineRecord) {
    const transport = clusterTransport();
    this.record = record;
    this.tasks = transport.connect(record.tasks, { onMessage: (parts) => this.#answer(parts) });
    this.control = transport.connect(record.control, { onMessage: (parts) => this.#controlled(parts) });
  }

  #answer(parts: Uint8Array[]): void {
    const header = decodeHeader(parts);
    const value = decodeBody(bodyOf(parts), revivers);
    if (header.type === 'dropped') this.dropped.push(header);
    if (header.type === 'output') this.outputs.push({ ...header, value });
    if (header.type === 'reply') this.#waiting.get(header.id)?.({ reply: header, value });
  }

  #controlled(parts: Uint8Array[]): void {
    const header = decodeHeader(parts);
    if (header.type === 'control-reply') this.#asked.get(header.id)?.(header);
  }

  /** Sends a task; `id` is there at once. */
  send(method: Method, args: unknown, extra: Partial<TaskMessage> = {}): { id: string; answer: Promise<Answer> } {
    const id = extra.id ?? `test:${this.#next++}`;
    const message = { type: 'task', id, to: this.record.uuid, method, label: method, ...extra } as const;
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    void this.tasks.send(encodeMessage(message, encodeBody(args)));
    return { id, answer };
  }

  run(method: Method, args: unknown, extra?: Partial<TaskMessage>): Promise<Answer> {
    return this.send(method, args, extra).answer;
  }

  apply(fn: (...args: never[]) => unknown, ...args: unknown[]): Promise<Answer> {
    return this.run('apply', { fn, args });
  }

  ask(request: Request, to = this.record.uuid): Promise<ControlReply> {
    const id = this.#next++;
    const reply = new Promise<ControlReply>((resolve) => this.#asked.set(id, resolve));
    void this.control.send(encodeMessage({ ...request, id, to } as ControlRequest));
    return reply;
  }

  async close(): Promise<void> {
    await Promise.all([this.tasks.close(), this.control.close()]);
  }
}
