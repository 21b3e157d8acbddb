import process from 'node:process';
import type { RateLimitedLog } from '../../src/util/rate-limited-log.ts';

/**
 * Keeps the engine alive whatever user code leaves behind: exceptions outside any task, unhandled rejections and Node's
 * warnings go to the log. Only the process's own exit ends it.
 */
export function guardProcess(log: RateLimitedLog): void {
  const lost = (what: string) => (error: unknown) => log.write(`${what}: ${(error as Error)?.stack ?? error}`);
  process.on('uncaughtException', lost('an exception outside any task'));
  process.on('unhandledRejection', lost('a rejection that nobody handles'));
  // Node's own warnings would go to the stderr of the task that happens to run.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.write(`${warning.name}: ${warning.message}`));
}
