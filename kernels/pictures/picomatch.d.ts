// The part of picomatch that is used here: the package has no types of its own.
declare module 'picomatch' {
  interface PicomatchOptions {
    /** Do wildcards match a leading dot? Default false. */
    readonly dot?: boolean;
    /** Brackets as in a shell: `[!a-z]` is any other character. */
    readonly posix?: boolean;
  }
  /** The glob as a test of paths with forward slashes. */
  function picomatch(glob: string | readonly string[], options?: PicomatchOptions): (path: string) => boolean;

  export = picomatch;
}
