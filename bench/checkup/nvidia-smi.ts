import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/nvidia-smi', '/usr/local/nvidia/bin/nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];
const FIELDS =
  'name,uuid,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.draw,power.limit,temperature.gpu,mig.mode.current';

const program = (): string => PLACES.find((path) => existsSync(path)) ?? 'nvidia-smi';

/** The cards as nvidia-smi tells them, one record each; the reason where it does not. */
export function cards(timeoutMs: number): Promise<readonly Record<string, string>[] | string> {
  const args = [`--query-gpu=${FIELDS}`, '--format=csv,noheader'];
  return new Promise((done) => {
    execFile(program(), args, { timeout: timeoutMs, encoding: 'utf8' }, (error, stdout) => {
      done(error === null ? readCards(stdout) : `nvidia-smi: ${error.message.split('\n')[0]}`);
    });
  });
}

/** Reads nvidia-smi's lines of values. */
export function readCards(text: string): Record<string, string>[] {
  const names = FIELDS.split(',');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i] ?? `${i}`, value.trim()])));
}

/** The clock of the first card while others measure: MHz, read twice a second. */
export class ClockWatch {
  #child: ChildProcess | undefined;
  /** The last reading. */
  sm: number | undefined;

  start(): void {
    const args = ['--query-gpu=clocks.sm', '--format=csv,noheader,nounits', '-lms', '500', '-i', '0'];
    this.#child = spawn(program(), args, { stdio: ['ignore', 'pipe', 'ignore'] });
    // Without the program there are no clocks, and nothing else is lost.
    this.#child.on('error', () => undefined);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const value = Number(text.trim().split('\n').at(-1));
      if (Number.isFinite(value)) this.sm = value;
    });
  }

  stop(): void {
    this.#child?.kill();
  }
}
