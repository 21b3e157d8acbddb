import { type Command, InvalidArgumentError, Option } from 'commander';
import type { MarkStyle } from '../../../kernels/batch/output-style.ts';
import type { ReadPictureOptions } from '../../../kernels/index.ts';
import type { BatchOptions } from '../../batch/batch-options.ts';
import { count, index, seconds } from '../arguments.ts';
import { addClusterOptions, type ClusterFlags } from '../engine-flags.ts';

/** The options that every batch of pictures has on the command line. */
export interface BatchFlags extends ClusterFlags {
  readonly filesFrom?: string;
  readonly null?: true;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly hidden?: true;
  readonly out?: string;
  readonly root?: string;
  readonly format?: NonNullable<BatchOptions['format']>;
  readonly quality?: number;
  readonly overlayMax?: number;
  readonly json?: string;
  readonly csv?: string;
  readonly sheet?: string;
  readonly html?: string;
  readonly skipExisting?: true;
  readonly retryFailed?: true;
  readonly overwrite?: true;
  readonly resize?: number;
  readonly maxPixels?: number;
  readonly page?: number;
  readonly lenient?: true;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Adds the arguments of pictures, and the options of BatchFlags. */
export function addBatchOptions(command: Command): void {
  command.argument('[pictures...]', 'files, folders (with all folders below them), globs, or - for a list on stdin');
  command.option('--files-from <file>', 'read more of them from a file, one a line; - for stdin');
  command.option('-0, --null', 'names in lists end in a zero byte, as find -print0 writes them');
  command.option('--include <glob>', 'of folders, take only files that match (repeat for more)', collect);
  command.option('--exclude <glob>', 'of folders, leave out files that match (repeat for more)', collect);
  command.option('--hidden', 'of folders, take files whose name begins with a dot too');
  command.option('--out <dir>', 'write the picture that each one gives below this folder');
  command.option('--root <dir>', 'mirror the tree below this folder in --out (default: the folder that was searched)');
  command.addOption(new Option('--format <format>', 'of the pictures in --out').choices(FORMATS).default('png'));
  command.option('--quality <percent>', 'of JPEG and WebP in --out, 1 to 100', percent);
  command.option('--overlay-max <pixels>', 'shrink the pictures in --out to this longer side', count);
  command.option('--json <file>', 'one object per line for each picture, failed ones too; - for stdout');
  command.option('--csv <file>', 'a table; - for stdout');
  command.option('--sheet <file>', 'one PNG with small copies of the pictures');
  command.option('--html <file>', 'one page with a row for each picture');
  command.option('--skip-existing', 'go on where an earlier run ended (needs --out or --json FILE)');
  command.option('--retry-failed', 'with --skip-existing: try pictures again that failed');
  command.option('--overwrite', 'replace files that no batch has written');
  command.option('--resize <pixels>', 'first shrink the longer side to this length', count);
  command.option('--max-pixels <pixels>', 'the largest picture to decode (default: 100 million)', count);
  command.option('--page <number>', 'the page of a TIFF or the frame of an animation, from 0', index);
  command.option('--lenient', 'take damaged pictures as far as they can be decoded');
  command.option('--timeout <seconds>', 'give a picture up after so long: it fails, the others go on', seconds);
  addClusterOptions(command);
  command.addHelpText('after', HELP);
}

const FORMATS = ['png', 'jpeg', 'webp', 'tiff'];
const collect = (text: string, all: readonly string[] = []) => [...all, text];

const HELP = `
A picture is done when an earlier run had the same file (path, size, time of change) with the same operation and parameters,
and every output is there. Results are only added; the last line about a picture counts. Exit code: 0 all done, 1 some
failed (they are listed, and have a line with an error in --json and --csv), 130 Ctrl-C, 143 SIGTERM.`;

/** The contradiction among the flags; undefined if there is none. */
export function conflict(pictures: readonly string[], flags: BatchFlags): string | undefined {
  if (pictures.length === 0 && flags.filesFrom === undefined) return "missing required argument 'pictures'";
  if (flags.json === '-' && flags.csv === '-') return '--json - and --csv -: only one of them may go to stdout';
  const resumable = flags.out !== undefined || (flags.json !== undefined && flags.json !== '-');
  if (flags.skipExisting && !resumable) return '--skip-existing needs --out or --json FILE to see what is there';
  if (flags.retryFailed && !flags.skipExisting) return '--retry-failed goes with --skip-existing';
  if (flags.root !== undefined && flags.out === undefined) return '--root goes with --out';
  if (pictures.includes('-') && flags.filesFrom === '-') return '- and --files-from -: stdin can be read once';
  return undefined;
}

/** The options of `batch` among the flags. */
export function batchOptions(flags: BatchFlags, marks?: MarkStyle): BatchOptions {
  const { include, exclude, hidden, out, root, format, quality, overlayMax, json, csv, sheet, html } = flags;
  const { skipExisting, retryFailed, overwrite, timeout } = flags;
  const outputs = { out, root, format, quality, maxSize: overlayMax, json, csv, sheet, html };
  return {
    include,
    exclude,
    hidden,
    ...outputs,
    skipExisting,
    retryFailed,
    overwrite,
    runTimeout: timeout,
    marks,
    read: readOptions(flags),
  };
}

function readOptions({ resize, maxPixels, page, lenient }: BatchFlags): ReadPictureOptions {
  const all = { resize, maxPixels, page, lenient };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Reads a number within bounds. @throws InvalidArgumentError */
export function numberFrom(least: number, most: number, wanted: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be ${wanted}.`);
  };
}

function percent(text: string): number {
  const value = count(text);
  if (value <= 100) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 100.');
}
