import { type ChildProcess, spawn } from 'node:child_process';
import { askNvidiaSmi, smiProgram } from '../../engines/contexts/nvidia-smi.ts';

const FIELDS =
  'name,uuid,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.draw,power.limit,temperature.gpu,mig.mode.current';

/** The cards as nvidia-smi tells them, one record each; the reason where it does not. */
export async function cards(timeoutMs: number): Promise<readonly Record<string, string>[] | string> {
  try {
    const text = await askNvidiaSmi([`--query-gpu=${FIELDS}`, '--format=csv,noheader'], timeoutMs);
    const found = readCards(text);
    return found.length > 0 ? found : `nvidia-smi: ${text.trim() || 'it lists no card'}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Reads nvidia-smi's lines of values; lines of something else are left out. */
export function readCards(text: string): Record<string, string>[] {
  const names = FIELDS.split(',');
  const lines = text.split('\n').filter((line) => line.split(',').length >= names.length);
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i] ?? `${i}`, value.trim()])));
}

/** The clock of the first card while others measure: MHz, read twice a second. */
export class ClockWatch {
  #child: ChildProcess | undefined;
  /** The last reading. */
  sm: number | undefined;

  start(): void {
    const args = ['--query-gpu=clocks.sm', '--format=csv,noheader,nounits', '-lms', '500', '-i', '0'];
    this.#child = spawn(smiProgram(), args, { stdio: ['ignore', 'pipe', 'ignore'] });
    // Without the program there are no clocks, and nothing else is lost.
    this.#child.on('error', () => undefined);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const value = Number(text.trim().split('\n').at(-1));
      if (Number.isFinite(value)) this.sm = value;
    });
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
  }
}
