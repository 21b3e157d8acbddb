import { type ChildProcess, spawn } from 'node:child_process';
import type { Launcher, LaunchRequest, Placement, StopOptions } from 'directview';

/** Runs each agent as a process of this host; `wrap` is what your system wants before a command. */
export class ProcessLauncher implements Launcher {
  readonly kind = 'process';
  readonly lifetime = 'attached';
  readonly #wrap: readonly string[];
  readonly #agents = new Map<number, ChildProcess>();
  #listener = (_: Placement): void => {};

  constructor(wrap: readonly string[] = []) {
    this.#wrap = wrap;
  }

  async start({ slots, agent }: LaunchRequest): Promise<readonly Placement[]> {
    return slots.map((slot) => {
      const [program = '', ...args] = [...this.#wrap, ...agent.command];
      const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
      child.stdin?.write(`${agent.line({ slots: [slot], rank: 0 })}\n`); // the end of this input ends the agent
      child.on('error', () => {}); // `close` comes, too
      child.once('close', (code, signal) => {
        this.#agents.delete(slot);
        const why = `ended with its agent (${signal ?? `exit code ${code}`})`;
        this.#listener({ slots: [slot], state: 'ended', why });
      });
      this.#agents.set(slot, child);
      return { slots: [slot], state: 'starting' };
    });
  }

  async signal(signal: NodeJS.Signals, slots: readonly number[]): Promise<void> {
    for (const slot of slots) this.#agents.get(slot)?.kill(signal);
  }

  async stop({ grace = 5000, slots = [...this.#agents.keys()] }: StopOptions = {}): Promise<void> {
    const agents = slots.flatMap((slot) => this.#agents.get(slot) ?? []);
    for (const child of agents) child.stdin?.end();
    const timer = setTimeout(() => agents.map((child) => child.kill('SIGKILL')), grace);
    await Promise.all(agents.map((child) => new Promise((resolve) => child.once('close', resolve))));
    clearTimeout(timer);
  }

  kill(): void {
    for (const child of this.#agents.values()) child.kill('SIGKILL');
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listener = listener;
  }
}
