// Ctrl-C in a command that waits for engines: the first one interrupts them, the second one leaves at once.

export const INTERRUPTED = 130;

/** Calls `first` on the first SIGINT; the returned function ends that and says whether there was one. */
export function onInterrupt(first: () => unknown): () => boolean {
  let seen = false;
  const handler = () => {
    if (seen) process.exit(INTERRUPTED); // `exit` ends a cluster that was started here
    seen = true;
    first();
  };
  process.on('SIGINT', handler);
  return () => {
    process.off('SIGINT', handler);
    return seen;
  };
}
