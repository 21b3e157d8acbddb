import { BACK_END_ABORTED, ENGINE_EXIT } from '../../protocol/engine-options.ts';
import type { Fate } from '../../protocol/messages/fate.ts';
import { lastWords } from './last-words.ts';
import { describeExit, type EngineExit } from './launcher.ts';

/** Why an engine ended, and whether it asked to be replaced. */
export interface EndOfEngine {
  /** Completes the sentence "engine 3 …". */
  readonly reason: string;
  /** It ended itself, so that another takes its place. */
  readonly isReplaced: boolean;
}

/** The last lines of engines that end themselves, and what they mean. */
const OWN_ENDS: readonly [RegExp, (line: RegExpMatchArray) => string][] = [
  [new RegExp(`^${BACK_END_ABORTED}.*`, 'm'), ([line]) => `ended: ${line}`],
  [/a task left behind blocks/, () => 'was blocked by code that a task left behind'],
  [/an interrupt has broken/, () => 'was broken by an interrupt'],
  [/could not be interrupted in (\d+) ms/, ([, grace]) => `did not stop within ${grace} ms of an interrupt`],
];

/** The usual causes of a signal, for a process that said nothing before it. */
const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGABRT: 'process.abort(), or a failed assertion of native code',
  SIGSEGV: 'native code touched memory that is not its own',
  SIGBUS: 'native code touched memory that is not there, or a file that became shorter',
  SIGILL: 'native code met an instruction that this processor does not have',
  SIGFPE: 'native code divided by zero',
  SIGTRAP: 'a fatal error of V8 or of native code',
};

/**
 * Reads why an engine ended from its exit code or signal, its last lines, and its record. One that asks to be replaced
 * says so in a line of its own, because user code may exit with any code; inside native code it can only be killed.
 */
export function endOfEngine(exit: EngineExit, fate: Fate | undefined): EndOfEngine {
  const isOwn = exit.code === ENGINE_EXIT.replaced || exit.signal === 'SIGKILL';
  const output = isOwn ? exit.handle.output() : '';
  for (const [pattern, reason] of OWN_ENDS) {
    const line = pattern.exec(output);
    if (line !== null) return { reason: reason(line), isReplaced: true };
  }
  if (fate?.stopped !== undefined) return { reason: 'did not stop after an interrupt', isReplaced: true };
  return { reason: `${describeExit(exit)}${lastWords(exit) || hint(exit)}`, isReplaced: false };
}

function hint({ signal }: EngineExit): string {
  const meaning = signal === null ? undefined : SIGNALS[signal];
  return meaning === undefined ? '' : `: ${meaning}`;
}
