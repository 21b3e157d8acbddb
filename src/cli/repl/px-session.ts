import type { Client } from '../../client/client.ts';
import type { PxReply, PxRun, PxShowOptions } from '../../client/px/px-run.ts';
import type { Sinks } from '../../client/results/output/sinks.ts';
import { AbortError, AlreadyDisplayedError, CompositeError, RemoteError } from '../../errors.ts';
import { DEFAULTS, type PxLine, type PxSettings } from './px-line.ts';

/** Runs text in the REPL itself. */
export type Local = (code: string) => Promise<unknown>;

const GIVEN_UP = 'the wait was given up; the engines go on (%pxresult shows what they say)\n';

/** The px commands of a REPL: settings that last, the last run, and the one that is waited for. */
export class PxSession {
  readonly #rc: Client;
  readonly #sinks: Sinks;
  readonly #set: (name: string, value: unknown) => void;
  #settings: PxSettings = DEFAULTS;
  #last: PxRun | undefined;
  #running: PxRun | undefined;
  readonly #throws: boolean;
  #interrupts = true;
  /** The command that is being sent says so. */
  #namesTravel: boolean | undefined;
  autopx = false;

  /** `set` puts a value under a name of the REPL (`-o`); `throws`: failures are not printed but thrown. */
  constructor(rc: Client, sinks: Sinks, set: (name: string, value: unknown) => void, throws: boolean) {
    this.#rc = rc;
    this.#sinks = sinks;
    this.#set = set;
    this.#throws = throws;
  }

  /** True if names of the session travel with what is sent now. */
  get namesTravel(): boolean {
    return this.#namesTravel ?? this.#settings.names;
  }

  get settings(): PxSettings {
    return this.#settings;
  }

  /** Carries out `%autopx`, `%pxresult` or `%pxconfig`. */
  async command({ command, settings }: PxLine): Promise<void> {
    if (command === '%autopx') this.#toggle();
    else if (command === '%pxconfig') this.#configure(settings);
    else await this.#showLast({ ...this.#settings, ...settings });
  }

  #toggle(): void {
    this.autopx = !this.autopx;
    this.#sinks.stdout.write(`%autopx ${this.autopx ? 'enabled' : 'disabled'}\n`);
  }

  #configure(settings: Partial<PxSettings>): void {
    if (settings.targets !== undefined) this.#rc.view(settings.targets); // refused here rather than at the next %px
    this.#settings = { ...this.#settings, ...settings };
    if (Object.keys(settings).length > 0) return;
    for (const [name, value] of Object.entries(this.#settings)) this.#sinks.stdout.write(`${name}: ${value}\n`);
  }

  /** Runs code on the engines; the AsyncResult as `value` with `--noblock`, else nothing when all is printed. */
  async run(
    code: string,
    line: Pick<PxLine, 'settings' | 'output'>,
    local: Local,
  ): Promise<{ readonly value: PxReply } | undefined> {
    const settings = { ...this.#settings, ...line.settings };
    const { targets, block, verbose, interrupts } = settings;
    // Local code prints first, then the engines.
    const options = { ...this.#showing(settings), verbose, block: block && !settings.local };
    const run = this.#sent(settings.names, () => this.#rc.view(targets).px.with(options)(code));
    this.#last = run;
    if (line.output !== undefined) this.#set(line.output, run.result);
    if (settings.local) await local(code);
    if (!block) return { value: run.result };
    await this.#wait(settings.local ? run.show() : run, interrupts);
    return undefined;
  }

  #sent(names: boolean, send: () => PxRun): PxRun {
    this.#namesTravel = names;
    try {
      return send();
    } finally {
      this.#namesTravel = undefined;
    }
  }

  #showing({ stream, groupOutputs, progressAfter }: PxSettings): PxShowOptions {
    return { stream, resultOrder: 'target', groupOutputs, progressAfter, ...this.#sinks };
  }

  async #wait(run: PxRun, interrupts: boolean): Promise<void> {
    this.#running = run;
    this.#interrupts = interrupts;
    try {
      await run;
    } catch (error) {
      if (this.#throws) throw error;
      this.#report(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #showLast(settings: PxSettings): Promise<void> {
    if (this.#last === undefined) throw new Error('no px command has run yet');
    await this.#wait(this.#last.show({ ...this.#showing(settings), stream: false }), false);
  }

  // Remote failures are printed here; the REPL shows any other error.
  #report(error: unknown): void {
    if (error instanceof AbortError) this.#sinks.stderr.write(GIVEN_UP);
    else if (error instanceof AlreadyDisplayedError) this.#sinks.stderr.write(`${error.message}\n`);
    else if (error instanceof CompositeError) this.#sinks.stderr.write(`${error.render()}\n${error.message}\n`);
    else if (error instanceof RemoteError) this.#sinks.stderr.write(`${error.traceback}\n${error.message}\n`);
    else throw error;
  }

  /** Ctrl-C: interrupts the engines of the px that runs, or gives up the wait (`left`). False when nothing runs. */
  interrupt(): 'px' | 'left' | false {
    if (this.#running === undefined) return false;
    if (this.#interrupts) void this.#running.interrupt();
    else this.#running.leave();
    return this.#interrupts ? 'px' : 'left';
  }
}
