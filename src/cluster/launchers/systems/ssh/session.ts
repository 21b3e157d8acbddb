import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { EngineId } from '../../../../protocol/messages.ts';
import { timerMs } from '../../../../rpc/timer-ms.ts';
import { OutputTail } from '../../process/output-tail.ts';
import { spawned } from '../../process/spawned.ts';
import { REMOTE_COMMAND, STARTED } from './remote-command.ts';
import type { CheckedSsh } from './ssh-options.ts';

/** Milliseconds that a session whose input has ended gets beyond the grace of its engines. */
const LEAVE_MS = 3000;

/** The options of every call: no questions, no connection that others share, and an end when the host is silent for 15 s. */
export function sshArguments({ arguments: args, connectTimeout }: CheckedSsh): string[] {
  const options = {
    BatchMode: 'yes',
    ConnectTimeout: Math.max(1, Math.ceil(connectTimeout / 1000)),
    ServerAliveInterval: 5,
    ServerAliveCountMax: 3,
    ExitOnForwardFailure: 'yes',
    StreamLocalBindUnlink: 'yes',
    StreamLocalBindMask: '0177',
    ControlMaster: 'no',
    ControlPath: 'none',
  };
  return ['-T', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]), ...args];
}

/** One agent on one host. */
export interface AgentCall {
  readonly ssh: CheckedSsh;
  readonly host: string;
  /** The place of its first engine among those of its host. */
  readonly firstPlace: number;
  readonly slots: readonly EngineId[];
  /** `-L` and `-R`, each with its value. */
  readonly forwards: readonly string[];
  /** The command line, quoted for the far shell. */
  readonly command: string;
  /** The agent's options. */
  readonly line: string;
}

/** How a session has ended. */
export interface SessionEnd {
  readonly code: number | null;
  /** The last lines of ssh and the agent. */
  readonly text: string;
}

/** One ssh process, with an agent at its far end. The agent ends when the input ends, and so when this process dies. */
export class SshSession {
  readonly host: string;
  /** Never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #tail = new OutputTail();
  #slots: readonly EngineId[];
  /** The place of each of its engines on the host, until it is given back. */
  readonly #places: Map<EngineId, number>;
  /** Somebody here has ended it. */
  isAsked = false;
  /** The far side has begun. */
  #isStarted = false;

  constructor({ ssh, host, firstPlace, slots, forwards, command, line }: AgentCall) {
    this.host = host;
    this.#slots = slots;
    this.#places = new Map(slots.map((slot, i) => [slot, firstPlace + i]));
    const args = [...sshArguments(ssh), ...forwards, '--', host, REMOTE_COMMAND];
    // A group of its own: Ctrl-C ends engines by way of their agents.
    const child = spawn(ssh.ssh, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#child = spawned(child, ssh.ssh);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => this.#write(text));
    this.ended = this.#watch();
    this.#child.stdin.on('error', () => {}); // the end says more
    this.#child.stdin.write(`${command}\n${line}\n`);
  }

  // Its first line is the first thing that it prints.
  #write(text: string): void {
    this.#isStarted ||= text.includes(STARTED);
    this.#tail.write(text.replace(`${STARTED}\n`, ''));
  }

  /** Did the far side begin? Then it removes its folders when it ends. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Its engines, without those that were started anew elsewhere. */
  get slots(): readonly EngineId[] {
    return this.#slots;
  }

  /** The engines that have their places, each with it. */
  get places(): ReadonlyMap<EngineId, number> {
    return this.#places;
  }

  /** These engines give their places back. True if none of its engines has one any more. */
  leave(slots: readonly EngineId[]): boolean {
    for (const slot of slots) this.#places.delete(slot);
    return this.#places.size === 0;
  }

  /** These engines are started anew elsewhere: its end is not theirs. True if it has no other one. */
  replace(slots: readonly EngineId[]): boolean {
    const had = this.#slots.length;
    this.#slots = this.#slots.filter((slot) => !slots.includes(slot));
    return this.leave(slots) && this.#slots.length < had;
  }

  #watch(): Promise<SessionEnd> {
    return new Promise((resolve) => {
      const over = (code: number | null, text: string) => resolve({ code, text });
      this.#child.once('close', (code) => over(code, this.#tail.lines()));
      this.#child.once('error', (error) => over(null, error.message));
    });
  }

  /** Ends the input, and the connection where the far side does not go within `grace` ms. */
  async stop(grace: number): Promise<void> {
    this.isAsked = true;
    this.#child.stdin.end();
    const timer = setTimeout(() => this.kill(), timerMs(grace + LEAVE_MS));
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends the connection at once. */
  kill(): void {
    this.isAsked = true;
    this.#child.kill('SIGKILL');
  }
}
