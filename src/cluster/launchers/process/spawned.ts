import type { ChildProcess } from 'node:child_process';
import { checkDescriptors, descriptorLimit } from '../../../comm/zeromq/descriptors.ts';
import { ClusterError } from '../../../errors.ts';

/** Descriptors of this process that the start of one process takes for a moment: pipes, a log, a record. */
const PER_START = 12;

/**
 * Gives a process that was just spawned. Without a free descriptor, Node gives one without pipes.
 * @throws ClusterError that names the limit
 */
export function spawned<T extends ChildProcess>(child: T, program: string): T {
  if (Array.isArray(child.stdio)) return child;
  child.on('error', () => {});
  throw new ClusterError(
    `${program} cannot be started: its pipes need descriptors, this process has none left, and ${descriptorLimit()} is ` +
      'its limit (ulimit -n)',
  );
}

/**
 * Checks before engines are ended that as many can be started in their places. `dead` of them have no descriptors to give back.
 * @throws ClusterError that names how many are open, and the limit
 */
export function checkRestart(slots: readonly number[], dead: number): void {
  const who = slots.length === 1 ? `engine ${slots[0]}` : `engines ${slots.join(', ')}`;
  try {
    checkDescriptors(`a restart of ${who}`, PER_START * (1 + dead));
  } catch (error) {
    throw new ClusterError((error as Error).message, { cause: error });
  }
}
