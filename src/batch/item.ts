import type { JobOutputs } from '../../kernels/batch/run-operation.ts';

/** A picture of a batch, as it was found. */
export interface Item {
  /** The name that the user gave. */
  readonly image: string;
  /** Its absolute path. */
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  /** The folder that was searched, or that holds the file. */
  readonly base: string;
  /** The place of the file on its device: tells files of two names that are one. */
  readonly inode: string;
}

/** A picture that is to be done, with the places of what is written. */
export interface Work extends Item {
  /** Its place among all pictures that the arguments name. */
  readonly order: number;
  readonly outputs?: JobOutputs | undefined;
}

/** A picture or argument that produced no result. */
export interface BatchFailure {
  readonly image: string;
  readonly reason: string;
}
