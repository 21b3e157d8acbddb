// `directview corners`: the corners of photographs, found on the engines. stdout is for results alone.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { count, DEFAULT_NAME, deviceOptions, index } from '../arguments.ts';
import { runBatch } from '../corners/batch.ts';
import type { CornersFlags } from '../corners/flags.ts';

export function define(command: Command): void {
  command.argument('<pictures...>', 'files, folders (searched to the bottom) or globs');
  command.option('--out <dir>', 'write each picture with its corners marked, as PNG');
  command.option('--json <file>', 'one object a line: image, shape, corners, ms; - for stdout');
  command.option('--csv <file>', 'one corner a line: image, row, col; - for stdout');
  command.option('--sheet <file>', 'one PNG with small copies of the marked pictures');
  command.option('--engines <n>', 'how many engines (default: one per GPU, else one per core)', count);
  for (const option of deviceOptions()) command.addOption(option);
  command.option('--cluster <name>', `use a running cluster, as ${DEFAULT_NAME}`);
  command.option('--min-distance <pixels>', 'corners lie further apart than this', index, 5);
  command.option('--threshold-rel <part>', 'corners lie above this part of the strongest response', part, 0.1);
  command.option('--sigma <pixels>', 'width of the Gaussian window', sigma, 1);
  const methods = ['k', 'eps', 'shi-tomasi'];
  command.addOption(new Option('--method <method>', 'kind of response').choices(methods).default('k'));
  command.option('--subpix', 'refine positions to a fraction of a pixel');
  command.option('--resize <pixels>', 'first shrink the longer side to this', count);
  command.option('--skip-existing', 'go on where an earlier run ended (with --out or --json FILE)');
  command.action(async (pictures: string[], flags: CornersFlags, self: Command) => {
    const wrong = conflict(flags, (name) => self.getOptionValueSource(name) === 'cli');
    if (wrong !== undefined) self.error(`error: ${wrong}`);
    process.exitCode = (await runBatch(pictures, flags)) ? 0 : 1;
  });
}

function conflict(flags: CornersFlags, given: (name: string) => boolean): string | undefined {
  const own = ['engines', 'device', 'gpu', 'softwareGpu'].find(given);
  if (flags.cluster !== undefined && own !== undefined) return `--cluster has its engines: no --${dashed(own)} with it`;
  if (flags.json === '-' && flags.csv === '-') return '--json - and --csv -: only one of them may go to stdout';
  const resumable = flags.out !== undefined || (flags.json !== undefined && flags.json !== '-');
  if (flags.skipExisting && !resumable) return '--skip-existing needs --out or --json FILE to see what is there';
  return undefined;
}

const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function part(text: string): number {
  return number(text, Number.POSITIVE_INFINITY, 'a number ≥ 0');
}

function sigma(text: string): number {
  return number(text, 1000, 'a number of pixels from 0 to 1000');
}

function number(text: string, most: number, wanted: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0 && value <= most) return value;
  throw new InvalidArgumentError(`It must be ${wanted}.`);
}
