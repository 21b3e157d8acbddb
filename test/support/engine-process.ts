// One engine process with a controller and a client of the test's own: the real sockets, no cluster.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Link, Listener } from '../../src/comm/transport.ts';
import { zeromqTransport } from '../../src/comm/zeromq.ts';
import { decodeBody, encodeBody } from '../../src/protocol/codec.ts';
import type { EngineOptions } from '../../src/protocol/engine-options.ts';
import { bodyOf, decodeHeader, encodeMessage } from '../../src/protocol/header-codec.ts';
import type { ControlReply, ControlRequest } from '../../src/protocol/messages/control.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { DroppedMessage, OutputMessage, ReplyMessage, TaskMessage } from '../../src/protocol/messages.ts';
import type { Method } from '../../src/protocol/methods.ts';

export const ENGINE_MAIN = fileURLToPath(new URL('../fixtures/engine-main.js', import.meta.url));

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

/** The test's controller: gives ids from 0 and sends the roster. */
export class FakeController {
  readonly #transport = zeromqTransport();
  readonly engines: EngineRecord[] = [];
  readonly unregistered: string[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'dv-test-'));
  #listener: Listener | undefined;
  #links: Link[] = [];
  #arrived: (() => void)[] = [];

  get endpoint(): string {
    return `ipc://${this.folder}/roster`;
  }

  async listen(): Promise<this> {
    this.#listener = await this.#transport.listen(this.endpoint, {
      onMessage: (parts, link) => this.#receive(parts, link),
    });
    return this;
  }

  #receive(parts: Uint8Array[], link: Link): void {
    const message = decodeHeader(parts);
    if (message.type === 'unregister') this.unregistered.push(message.uuid);
    if (message.type === 'heartbeat') this.#answer(message.uuid, link);
    if (message.type !== 'register') return;
    const record = { ...message.engine, id: message.slot ?? this.engines.length };
    this.engines.push(record);
    this.#links.push(link);
    void link.send(encodeMessage({ type: 'registered', id: record.id }));
    const version = this.engines.length;
    for (const to of this.#links) void to.send(encodeMessage({ type: 'roster', engines: this.engines, version }));
    for (const arrived of this.#arrived.splice(0)) arrived();
  }

  #answer(uuid: string, link: Link): void {
    const engine = this.engines.find((one) => one.uuid === uuid);
    if (engine !== undefined) void link.send(encodeMessage({ type: 'registered', id: engine.id }));
  }

  async waitFor(n: number): Promise<EngineRecord[]> {
    while (this.engines.length < n) await new Promise<void>((resolve) => this.#arrived.push(resolve));
    return this.engines;
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts an engine with its sockets in a private folder of its own. */
export function spawnEngine(
  controller: FakeController,
  name: string,
  extra: Partial<EngineOptions> = {},
): { child: ChildProcess; folder: string; stderr: () => string; exit: Promise<[number | null, string | null]> } {
  const folder = mkdtempSync(join(tmpdir(), `dv-${name}-`));
  const child = spawn(process.execPath, [ENGINE_MAIN], { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  const options: EngineOptions = {
    controller: controller.endpoint,
    tasks: `ipc://${folder}/tasks`,
    control: `ipc://${folder}/control`,
    peers: `ipc://${folder}/peers`,
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
    const transport = zeromqTransport();
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
