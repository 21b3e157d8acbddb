// The one place that ends things when this process ends: on `exit` synchronously, on the first Ctrl-C gracefully, on the
// second at once.

/** Something that must end when this process ends. */
export interface Guarded {
  /** Graceful end; awaited on the first signal. */
  stop(): Promise<void>;
  /** Immediate end, without awaiting: all that an `exit` handler may do. */
  kill(): void;
}

const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type EndSignal = keyof typeof CODES;
const SIGNALS = Object.keys(CODES) as EndSignal[];

const guarded = new Set<Guarded>();
let ending = false;

/** Guards `one` until the returned function is called. */
export function guard(one: Guarded): () => void {
  if (guarded.size === 0) install();
  guarded.add(one);
  return () => {
    if (guarded.delete(one) && guarded.size === 0 && !ending) uninstall();
  };
}

function install(): void {
  process.on('exit', killAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function uninstall(): void {
  process.off('exit', killAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function killAll(): void {
  for (const one of guarded) one.kill();
}

/** A program with handlers of its own decides itself what a signal means; `exit` still ends everything. */
function hasOthers(signal: EndSignal): boolean {
  return process.listeners(signal).some((listener) => listener !== onSignal);
}

function onSignal(signal: EndSignal): void {
  if (ending) process.exit(CODES[signal]); // the second one: `exit` kills
  if (hasOthers(signal)) return;
  ending = true;
  const stops = [...guarded].map((one) => one.stop());
  void Promise.allSettled(stops).then(() => process.exit(CODES[signal]));
}
