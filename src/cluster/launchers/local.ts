import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ClusterError } from '../../errors.ts';
import type { EngineOptions } from '../../protocol/engine-options.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { engineEnv } from './engine-env.ts';
import type { EngineExit, Launcher, LaunchRequest, Placement, StopOptions } from './launcher.ts';
import { EngineProcess } from './process/engine-process.ts';

/** The options of the engines that a LocalLauncher starts. */
export interface LocalOptions {
  /** Makes the options of the engine in that slot. */
  readonly engine: (slot: EngineId) => EngineOptions;
  /** The engines' working directory; default this process's. */
  readonly cwd?: string | undefined;
  /** Variables beside the allow-list, for the engine in that slot. */
  readonly env?: ((slot: EngineId) => Readonly<Record<string, string>>) | undefined;
  readonly echo?: 'none' | 'stderr' | undefined;
  /** Is told the errors that nobody handled on an engine. */
  readonly onUnhandled?: ((slot: EngineId, report: string) => void) | undefined;
  /** Is told the text that the engine in that slot prints outside of tasks. */
  readonly onText?: ((slot: EngineId, text: string) => void) | undefined;
  /** Gives the path of an engine's log; without it none is kept. */
  readonly log?: ((slot: EngineId) => string) | undefined;
  /** The engine's entry; default `$DIRECTVIEW_ENGINE`, else `engines/main.js` of this package. */
  readonly entry?: string | undefined;
}

const GRACE_MS = 5000;

/** The engine's entry file, found from this compiled file: a launcher must not import engine code. */
export const ENGINE_ENTRY = fileURLToPath(new URL('../../../engines/main.js', import.meta.url));

/** Runs engines as child processes of this process: each is a placement of its own, and runs at once. */
export class LocalLauncher implements Launcher {
  readonly kind = 'local';
  readonly lifetime = 'attached';
  readonly isRemote = false;
  readonly #options: LocalOptions;
  readonly #running = new Map<EngineId, EngineProcess>();
  readonly #listeners: ((exit: EngineExit) => void)[] = [];
  #isStopped = false;

  constructor(options: LocalOptions) {
    this.#options = options;
  }

  async start({ slots }: Pick<LaunchRequest, 'slots'>): Promise<readonly Placement[]> {
    if (this.#isStopped) throw new ClusterError('the cluster is stopped: no engine can be started');
    for (const slot of slots) this.#spawn(slot);
    const where = { host: hostname() };
    return slots.map((slot) => ({ slots: [slot], state: 'running', where }));
  }

  #spawn(slot: EngineId): void {
    const { engine, cwd, env, echo, log, entry, onUnhandled, onText } = this.#options;
    const options = engine(slot);
    const child = new EngineProcess({
      slot,
      entry: entry ?? process.env['DIRECTVIEW_ENGINE'] ?? ENGINE_ENTRY,
      engine: options,
      env: engineEnv(process.env, options.threads, env?.(slot) ?? {}),
      cwd: cwd ?? process.cwd(),
      echo: echo ?? 'none',
      log: log?.(slot),
      onUnhandled: (report) => onUnhandled?.(slot, report),
      onText: (text) => onText?.(slot, text),
    });
    this.#running.set(slot, child);
    void child.ended.then((exit) => this.#onEnd(exit, child));
  }

  #onEnd(exit: EngineExit, child: EngineProcess): void {
    if (this.#running.get(child.slot) === child) this.#running.delete(child.slot);
    for (const listener of this.#listeners) listener(exit);
  }

  /** @throws ClusterError for a slot without a running process */
  async signal(signal: NodeJS.Signals, slots: readonly EngineId[]): Promise<void> {
    const children = slots.map((slot) => this.#child(slot));
    for (const child of children) child.signal(signal);
  }

  #child(slot: EngineId): EngineProcess {
    const child = this.#running.get(slot);
    if (child === undefined) throw new ClusterError(`engine ${slot} is not a running process of this cluster`);
    return child;
  }

  async stop({ grace = GRACE_MS, slots }: StopOptions = {}): Promise<void> {
    if (slots === undefined) this.#isStopped = true;
    const children = [...this.#running.values()].filter((child) => slots?.includes(child.slot) ?? true);
    await Promise.all(children.map((child) => child.stop(grace)));
  }

  kill(): void {
    this.#isStopped = true;
    for (const child of this.#running.values()) child.signal('SIGKILL');
  }

  /** Never calls `listener`: a local engine runs from the moment that it is started until its exit. */
  onState(): void {}

  onExit(listener: (exit: EngineExit) => void): void {
    this.#listeners.push(listener);
  }

  handle(slot: EngineId): EngineProcess | undefined {
    return this.#running.get(slot);
  }
}
