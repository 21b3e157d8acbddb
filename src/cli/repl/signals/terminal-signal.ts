import { spawnSync } from 'node:child_process';

/**
 * Makes Ctrl-C a signal again in a terminal that readline has made raw: as a key it would wait until somebody reads it, which
 * code that computes does not. Ctrl-Z and Ctrl-\ stay keys, and no text is thrown away. False where there is no `stty`.
 */
export function keepSignal(input: NodeJS.ReadStream): boolean {
  const settings = ['isig', 'noflsh', 'quit', 'undef', 'susp', 'undef'];
  return spawnSync('stty', settings, { stdio: [input, 'ignore', 'ignore'] }).status === 0;
}
