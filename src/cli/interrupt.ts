/** The exit code of a command that Ctrl-C ended. */
export const INTERRUPTED = 130;

/**
 * Calls `first` on the first SIGINT, and ends the process on the second. The returned function stops this, and says
 * whether a SIGINT came.
 */
export function onInterrupt(first: () => unknown): () => boolean {
  let seen = false;
  const handler = () => {
    if (seen) process.exit(INTERRUPTED); // the exit handler ends a cluster that this process started
    seen = true;
    first();
  };
  process.on('SIGINT', handler);
  return () => {
    process.off('SIGINT', handler);
    return seen;
  };
}
