import inspector from 'node:inspector';

const LOOPBACK = '127.0.0.1';

/**
 * Lets a debugger in, at a free port of this machine alone: every user of the machine may run code here then.
 * @returns its address, `ws://127.0.0.1:PORT/…`
 * @throws Error where Node has no inspector
 */
export function openInspector(): string {
  inspector.open(0, LOOPBACK, false);
  const url = inspector.url();
  if (url === undefined) throw new Error('the inspector did not open');
  return url;
}

/** Waits until a debugger is there, and stops in it: the code of the task comes next. Other threads go on. */
export function breakForDebugger(): void {
  inspector.waitForDebugger();
  // biome-ignore lint/suspicious/noDebugger: it is the purpose
  debugger;
}
