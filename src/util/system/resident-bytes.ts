import process from 'node:process';

/**
 * Bytes of the process's resident set. A process that has no descriptor left cannot read them: then the most that it has
 * had, which the system tells without one.
 */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
