import { homedir } from 'node:os';

/**
 * The home of the user who runs this process: `$HOME`, else that of the system's list of users. Undefined where neither names
 * one, as in a container that runs under a number.
 */
export function userHome(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}
