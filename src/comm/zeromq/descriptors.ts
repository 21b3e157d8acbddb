import { readdirSync, readFileSync } from 'node:fs';
import { ConnectionError } from '../../errors.ts';

/** Descriptors that one link takes at most while it is opened. */
const PER_LINK = 16;

/** The open descriptors of this process, and how many it may have; undefined where the system does not tell. */
export function descriptors(): { readonly open: number; readonly limit: number } | undefined {
  try {
    const limit = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    return Number.isNaN(limit) ? undefined : { open: readdirSync('/proc/self/fd').length, limit };
  } catch {
    return undefined;
  }
}

/**
 * libzmq aborts the process when it runs out of descriptors: a link that would need the last ones is refused.
 * @throws ConnectionError
 */
export function checkDescriptors(purpose: string, needed: number = PER_LINK): void {
  const now = descriptors();
  if (now === undefined || now.open + needed <= now.limit) return;
  throw new ConnectionError(
    `${purpose} needs ${needed} descriptors: ${now.open} of this process are open, and ${now.limit} is its limit (ulimit -n)`,
  );
}
