// px: runs source text on a view's engines and prints what each says, as `%px` does (semantics B7, B12).

import type { TargetOptions } from '../calls/calls.ts';
import type { ExecuteOptions } from '../direct-view.ts';
import type { Session } from '../links/session.ts';
import { CALL_OPTIONS, checkOptions } from '../options.ts';
import { checkGroupBy, type GroupBy } from '../results/output/grouping.ts';
import { type Sinks, sinksOf } from '../results/output/sinks.ts';
import { type Targets, targetsOf } from '../targets.ts';
import { codeOf } from './px-code.ts';
import { type PxReply, type PxRun, PxShow } from './px-run.ts';

export interface PxOptions extends TargetOptions, Partial<Sinks> {
  /** true (default): output as it arrives. false: all of it at the end, grouped. */
  readonly stream?: boolean;
  /** How output is grouped that does not stream; default 'type'. */
  readonly groupOutputs?: GroupBy;
  /** Says first where the code runs. */
  readonly verbose?: boolean;
  /** Milliseconds until a progress bar appears on a TTY; default 2000, 0 at once, -1 never. */
  readonly progressAfter?: number;
}

export interface Px {
  /**
   * Runs the text; `${value}` becomes the value's literal, `${ref('a')}` the expression.
   * @throws AlreadyDisplayedError "2 errors" when awaited, the tracebacks being printed; without streaming the
   * CompositeError (RemoteError on one engine) itself; TimeoutError; AbortError, and the engines are interrupted
   */
  (code: string | TemplateStringsArray, ...values: readonly unknown[]): PxRun;
  /** The same with other settings; this one stays as it is. @throws TypeError, RangeError for unknown ones */
  with(options: PxOptions): Px;
}

/** What px needs of a view. */
export interface PxView {
  readonly targets: Targets;
  execute(code: string, options: ExecuteOptions): PxReply;
}

const PX_KEYS = ['targets', 'stream', 'groupOutputs', 'verbose', 'progressAfter', 'stdout', 'stderr'];

export function pxOf(view: PxView, session: Session, options: PxOptions = {}): Px {
  const run = (code: string | TemplateStringsArray, ...values: readonly unknown[]): PxRun =>
    start(view, session, codeOf(code, values), options);
  return Object.assign(run, { with: (more: PxOptions) => pxOf(view, session, { ...options, ...checkPx(more) }) });
}

/** @throws TypeError naming an unknown option, RangeError for a value that is none of the choices */
export function checkPx(options: PxOptions): PxOptions {
  checkOptions(options, ...PX_KEYS);
  if (options.groupOutputs !== undefined) checkGroupBy(options.groupOutputs);
  const { progressAfter = 0 } = options;
  if (!(progressAfter >= -1)) throw new RangeError(`progressAfter is milliseconds, or -1, not ${progressAfter}`);
  return options;
}

function start(view: PxView, session: Session, code: string, options: PxOptions): PxRun {
  const sinks = sinksOf(options);
  if (options.verbose) {
    const targets = options.targets === undefined ? view.targets : targetsOf(options.targets, session.ids);
    sinks.stdout.write(`Parallel execution on engine(s): ${allTargets(targets)}\n`);
  }
  const result = view.execute(code, { ...callOptions(options), silent: false }).named('%px');
  return new PxShow(result, session, { ...options, ...sinks }).run();
}

function callOptions(options: PxOptions): TargetOptions {
  const known = ['targets', ...CALL_OPTIONS];
  return Object.fromEntries(Object.entries(options).filter(([key]) => known.includes(key)));
}

const MANY = 10;
const EDGE = 4;

/** `all`, `0`, `[0, 1]`; of over 10 engines the first and last 4. */
export function allTargets(targets: Targets): string {
  if (typeof targets !== 'object') return String(targets);
  const shown = targets.length > MANY ? [...targets.slice(0, EDGE), '...', ...targets.slice(-EDGE)] : targets;
  return `[${shown.join(', ')}]`;
}
