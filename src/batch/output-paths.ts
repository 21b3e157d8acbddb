/** The files and the folder that a batch writes. `-` is stdout. */
export interface OutputPaths {
  /** The folder of the pictures that the operation gives. */
  readonly out?: string | undefined;
  readonly json?: string | undefined;
  readonly csv?: string | undefined;
  readonly sheet?: string | undefined;
  readonly html?: string | undefined;
}
