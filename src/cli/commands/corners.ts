// `directview corners`: finds the corners in photographs, on the engines. Only results go to stdout.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { count, index } from '../arguments.ts';
import { runBatch } from '../corners/batch.ts';
import type { CornersFlags } from '../corners/flags.ts';
import { addClusterOptions } from '../engine-flags.ts';

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.argument('<pictures...>', 'files, folders (with all folders below) or globs');
  command.option('--out <dir>', 'write each picture with its corners marked, as PNG');
  command.option('--json <file>', 'one object per line: image, shape, corners, ms; - for stdout');
  command.option('--csv <file>', 'one corner per line: image, row, col; - for stdout');
  command.option('--sheet <file>', 'one PNG with small copies of the marked pictures');
  addClusterOptions(command);
  command.option('--min-distance <pixels>', 'least distance between two corners', index, 5);
  command.option('--threshold-rel <part>', 'least response, as a part of the strongest one', part, 0.1);
  command.option('--sigma <pixels>', 'width of the Gaussian window', sigma, 1);
  const methods = ['k', 'eps', 'shi-tomasi'];
  command.addOption(new Option('--method <method>', 'the response to compute').choices(methods).default('k'));
  command.option('--subpix', 'refine positions to a fraction of a pixel');
  command.option('--resize <pixels>', 'first shrink the longer side to this length', count);
  command.option('--skip-existing', 'resume an earlier run (needs --out or --json FILE)');
  command.action(async (pictures: string[], flags: CornersFlags, self: Command) => {
    const wrong = conflict(flags);
    if (wrong !== undefined) self.error(`error: ${wrong}`);
    process.exitCode = (await runBatch(pictures, flags)) ? 0 : 1;
  });
}

function conflict(flags: CornersFlags): string | undefined {
  if (flags.json === '-' && flags.csv === '-') return '--json - and --csv -: only one of them may go to stdout';
  const resumable = flags.out !== undefined || (flags.json !== undefined && flags.json !== '-');
  if (flags.skipExisting && !resumable) return '--skip-existing needs --out or --json FILE to see what is there';
  return undefined;
}

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
