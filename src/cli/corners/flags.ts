// The options of `directview corners`, as the command line gives them and as the kernels take them.
import type { FindCornersOptions, ResponseOptions } from '../../../kernels/index.ts';
import type { ClusterFlags } from '../engine-flags.ts';

/** The options of `directview corners`. */
export interface CornersFlags extends ClusterFlags {
  readonly out?: string;
  readonly json?: string;
  readonly csv?: string;
  readonly sheet?: string;
  readonly minDistance: number;
  readonly thresholdRel: number;
  readonly sigma: number;
  readonly method: NonNullable<ResponseOptions['method']>;
  readonly subpix?: true;
  readonly resize?: number;
  readonly skipExisting?: true;
}

/** The options of findCorners among the flags. */
export function cornersOptions(flags: CornersFlags): FindCornersOptions {
  const { minDistance, thresholdRel, sigma, method, resize, subpix } = flags;
  const like = 'skimage';
  return { minDistance, thresholdRel, sigma, method, resize, like, ...(subpix ? { subpix: {} } : {}) };
}
