// `directview corners`: finds the corners in photographs, on the engines. Only results go to stdout.
import { type Command, Option } from 'commander';
import type { MarkStyle } from '../../../kernels/batch/output-style.ts';
import type { FindCornersOptions } from '../../../kernels/index.ts';
import { count, index } from '../arguments.ts';
import { addBatchOptions, type BatchFlags, batchOptions, conflict, numberFrom } from '../batch/batch-flags.ts';
import { runBatch } from '../batch/run-batch.ts';

interface CornersFlags extends BatchFlags, MarkFlags {
  readonly minDistance: number;
  readonly thresholdRel: number;
  readonly thresholdAbs?: number;
  readonly numPeaks?: number;
  readonly excludeBorder?: number;
  readonly sigma: number;
  readonly method: 'k' | 'eps' | 'shi-tomasi';
  readonly k?: number;
  readonly eps?: number;
  readonly border?: 'reflect' | 'nearest' | 'zero';
  readonly like?: 'skimage';
  readonly subpix?: true;
}

interface MarkFlags {
  readonly markSize?: number;
  readonly markColor?: string;
  readonly on?: 'grey' | 'color';
}

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addBatchOptions(command);
  addCornerOptions(command);
  command.option('--mark-size <pixels>', 'size of the marks (default: larger on larger pictures)', count);
  command.option('--mark-color <color>', 'colour of the marks, a name or #rrggbb (default: red)');
  command.addOption(
    new Option('--on <picture>', 'mark the grey picture, or the one in colour').choices(['grey', 'color']),
  );
  command.action(async (pictures: string[], flags: CornersFlags, self: Command) => {
    const wrong = conflict(pictures, flags);
    if (wrong !== undefined) self.error(`error: ${wrong}`);
    const options = { ...batchOptions(flags, marksOf(flags)), params: { ...cornersParams(flags) } };
    process.exitCode = await runBatch({ label: 'corners', operation: 'corners', pictures, flags, options });
  });
}

function addCornerOptions(command: Command): void {
  const real = numberFrom(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 'a number');
  const part = numberFrom(0, Number.POSITIVE_INFINITY, 'a number ≥ 0');
  const sigma = numberFrom(0, 1000, 'a number of pixels from 0 to 1000');
  command.option('--min-distance <pixels>', 'least distance between two corners', index, 5);
  command.option('--threshold-rel <part>', 'least response, as a part of the strongest one', part, 0.1);
  command.option('--threshold-abs <response>', 'least response', real);
  command.option('--num-peaks <count>', 'only the strongest corners, at most so many', count);
  command.option('--exclude-border <pixels>', 'no corners so near to the border (default: --min-distance)', index);
  command.option('--sigma <pixels>', 'width of the Gaussian window', sigma, 1);
  const methods = ['k', 'eps', 'shi-tomasi'];
  command.addOption(new Option('--method <method>', 'the response to compute').choices(methods).default('k'));
  command.option('--k <number>', 'sensitivity of method k (default: 0.05)', real);
  command.option('--eps <number>', 'keeps method eps from dividing by zero (default: 1e-6)', real);
  const borders = ['reflect', 'nearest', 'zero'];
  command.addOption(new Option('--border <mode>', 'the pixels outside (default: reflect)').choices(borders));
  command.addOption(
    new Option('--like <library>', 'exactly its corners, which depend on brightness').choices(['skimage']),
  );
  command.option('--subpix', 'refine positions to a fraction of a pixel');
}

function cornersParams(flags: CornersFlags): FindCornersOptions {
  const { minDistance, thresholdRel, thresholdAbs, numPeaks, excludeBorder, sigma, method, k, eps, border, like } =
    flags;
  const subpix = flags.subpix ? {} : undefined;
  const all = {
    minDistance,
    thresholdRel,
    thresholdAbs,
    numPeaks,
    excludeBorder,
    sigma,
    method,
    k,
    eps,
    border,
    like,
    subpix,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as FindCornersOptions;
}

function marksOf({ markSize, markColor: color, on }: MarkFlags): MarkStyle | undefined {
  const isPlain = [markSize, color, on].every((mark) => mark === undefined);
  return isPlain ? undefined : { markSize, color, on };
}
