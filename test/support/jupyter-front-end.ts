// A front end of Jupyter for tests: real sockets, real signatures, a real kernel process.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Dealer, Request, Subscriber } from 'zeromq';
import { KERNEL_NODE_OPTIONS } from '../../src/cli/repl/jupyter/kernel-spec.ts';
import { type Content, type Message, MessageCodec, messageOf } from '../../src/cli/repl/jupyter/message.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const KEY = 'a key of tests';
const NAMES = ['shell', 'control', 'stdin', 'iopub', 'hb'] as const;

/** The reply to a request, and the messages to all front ends that it caused. */
export interface Answer {
  readonly reply: Message;
  readonly outputs: readonly Message[];
}

/** Starts `directview kernel` with these arguments in a folder, and talks to it. */
export class JupyterFrontEnd {
  readonly kernel: ChildProcess;
  /** Text of the process itself, such as lines of its log. */
  log = '';
  readonly #shell = new Dealer({ linger: 0, routingId: randomUUID() });
  readonly #control = new Dealer({ linger: 0, routingId: randomUUID() });
  readonly #stdin: Dealer;
  readonly #iopub = new Subscriber({ linger: 0 });
  readonly #heart = new Request({ linger: 0 });
  readonly #codec = new MessageCodec(KEY);
  readonly #waiting = new Map<string, (message: Message) => void>();
  readonly #published = new Map<string, Message[]>();
  readonly #idle = new Map<string, () => void>();
  /** Answers a question of the kernel. */
  onInput: (prompt: string) => string = () => '';

  /** `tcp`: the ports of shell, control, stdin, iopub and heartbeat; default: sockets in the folder. */
  constructor(
    folder: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
    tcp: readonly number[] | undefined = undefined,
  ) {
    const [transport, ip] = tcp === undefined ? ['ipc', join(folder, 'k')] : ['tcp', '127.0.0.1'];
    const numbers = tcp ?? NAMES.map((_, i) => i + 1);
    const ports = Object.fromEntries(NAMES.map((name, i) => [`${name}_port`, numbers[i]]));
    const file = join(folder, 'connection.json');
    writeFileSync(file, JSON.stringify({ transport, ip, key: KEY, ...ports }));
    this.#stdin = new Dealer({ linger: 0, routingId: this.#shell.routingId });
    const sockets = {
      shell: this.#shell,
      control: this.#control,
      stdin: this.#stdin,
      iopub: this.#iopub,
      hb: this.#heart,
    };
    this.#iopub.subscribe();
    for (const [i, name] of NAMES.entries())
      sockets[name].connect(`${transport}://${ip}${tcp === undefined ? '-' : ':'}${numbers[i]}`);
    this.kernel = spawn(process.execPath, [...KERNEL_NODE_OPTIONS, MAIN, 'kernel', '-f', file, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.kernel.stdout, this.kernel.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
    for (const socket of [this.#shell, this.#control]) void this.#read(socket);
    void this.#listen();
    void this.#answerQuestions();
  }

  async #read(socket: Dealer): Promise<void> {
    for await (const frames of socket) {
      const message = this.#codec.decode(frames);
      this.#waiting.get(message.parent?.msg_id ?? '')?.(message);
    }
  }

  async #listen(): Promise<void> {
    for await (const frames of this.#iopub) {
      const message = this.#codec.decode(frames);
      const id = message.parent?.msg_id ?? '';
      this.#published.set(id, [...(this.#published.get(id) ?? []), message]);
      if (message.content['execution_state'] === 'idle') this.#idle.get(id)?.();
    }
  }

  async #answerQuestions(): Promise<void> {
    for await (const frames of this.#stdin) {
      const question = this.#codec.decode(frames);
      const value = this.onInput(String(question.content['prompt']));
      await this.#stdin.send(this.#codec.encode(messageOf('input_reply', { value }, question.header)));
    }
  }

  /** Resolves when iopub is connected: what was published before that is lost. It asks until something comes. */
  async ready(): Promise<void> {
    while (this.#published.size === 0) {
      const request = messageOf('kernel_info_request', {}, undefined);
      await this.#shell.send(this.#codec.encode(request));
      await sleep(100);
    }
  }

  /** Sends a request; resolves with its reply and all outputs when the kernel is idle again. */
  async ask(type: string, content: Content, channel: 'shell' | 'control' = 'shell'): Promise<Answer> {
    const message = messageOf(type, content, undefined);
    const id = message.header.msg_id;
    const replied = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    const idle = new Promise<void>((resolve) => this.#idle.set(id, resolve));
    await (channel === 'shell' ? this.#shell : this.#control).send(this.#codec.encode(message));
    const [reply] = await Promise.all([replied, idle]);
    return { reply, outputs: this.#published.get(id) ?? [] };
  }

  /** Runs a cell. */
  execute(code: string, more: Content = {}): Promise<Answer> {
    return this.ask('execute_request', { code, silent: false, allow_stdin: true, stop_on_error: true, ...more });
  }

  /** Outputs of a cell that still runs, by the text of the request. */
  get printed(): string {
    const all = [...this.#published.values()].flat();
    return all.map(({ content }) => String(content['text'] ?? '')).join('');
  }

  /** Sends frames as they are on the shell channel. */
  async sendRaw(frames: Uint8Array[]): Promise<void> {
    await this.#shell.send(frames);
  }

  /** The frames of a message, to be sent more than once. */
  framesOf(type: string, content: unknown): Uint8Array[] {
    return this.#codec.encode(messageOf(type, content as Content, undefined));
  }

  /** Frames with a right signature, whatever they say. */
  signed(parts: readonly string[]): Uint8Array[] {
    const hmac = createHmac('sha256', KEY);
    for (const part of parts) hmac.update(part);
    return ['<IDS|MSG>', hmac.digest('hex'), ...parts].map((part) => Buffer.from(part));
  }

  async heartbeat(text: string): Promise<string> {
    await this.#heart.send(text);
    const [echo] = await this.#heart.receive();
    return String(echo);
  }

  /** Asks the kernel to end; its exit code. */
  async shutdown(): Promise<number | null> {
    const gone = once(this.kernel, 'exit');
    await this.ask('shutdown_request', { restart: false }, 'control');
    const [code] = (await gone) as [number | null];
    this.close();
    return code;
  }

  close(): void {
    this.kernel.kill('SIGTERM');
    for (const socket of [this.#shell, this.#control, this.#stdin, this.#iopub, this.#heart]) socket.close();
  }
}

/** The outputs of a cell as one text per message: type, and what it says. */
export function outputsOf({ outputs }: Answer): [string, unknown][] {
  return outputs
    .filter(({ header }) => header.msg_type !== 'status' && header.msg_type !== 'execute_input')
    .map(({ header, content }) => [header.msg_type, content['text'] ?? content['data'] ?? content['evalue']]);
}
