import { FLAG, optionsOf, type Rules } from '../../util/checks.ts';
import { guarded, takes } from '../../util/signature.ts';
import { type ExecuteOptions, TARGET_OPTIONS, type TargetOptions } from '../options.ts';
import { sinksOf } from '../results/output/sinks.ts';
import { type Targets, targetsOf } from '../targets.ts';
import { codeOf } from './px-code.ts';
import { type PxLinks, type PxOptions, type PxReply, type PxRun, quietPx, SHOW_OPTIONS, showPx } from './px-run.ts';

/** Runs source text on a view's engines and prints what each says, as `%px` does (semantics B7, B12). */
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

/** Calls on a view, as px makes them. */
export interface PxCalls {
  readonly targets: Targets;
  readonly links: PxLinks;
  /** Runs source text; `name` names the result. */
  execute(code: string, options: ExecuteOptions, name: string): PxReply;
}

/** The kind of each setting of px. */
const PX_OPTIONS: Rules<PxOptions> = { ...TARGET_OPTIONS, ...SHOW_OPTIONS, block: FLAG, verbose: FLAG };

/** `view.px` for the calls of a view. */
export function pxOf(calls: PxCalls, options: PxOptions = {}): Px {
  const run = (code: string | TemplateStringsArray, ...values: readonly unknown[]): PxRun =>
    start(calls, codeOf(code, values), options);
  const change = (more: PxOptions) => {
    const { ids } = calls.links;
    // A closed client knows none: its calls say why.
    if (more.targets !== undefined && ids.length > 0) targetsOf(more.targets, ids);
    return pxOf(calls, { ...options, ...more });
  };
  return Object.assign(run, { with: guarded('px.with', takes({ options: optionsOf(PX_OPTIONS) }), change) });
}

function start(calls: PxCalls, code: string, options: PxOptions): PxRun {
  const { block = true, verbose = false } = options;
  if (verbose) sinksOf(options).stdout.write(`${block ? 'Parallel' : 'Async parallel'} ${where(calls, options)}\n`);
  const result = calls.execute(code, { ...callOptions(options), silent: false }, '%px');
  return block ? showPx(result, calls.links, options) : quietPx(result, calls.links, options);
}

function where({ targets: own, links }: PxCalls, { targets }: PxOptions): string {
  return `execution on engine(s): ${allTargets(targets === undefined ? own : targetsOf(targets, links.ids))}`;
}

function callOptions(options: PxOptions): TargetOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key in TARGET_OPTIONS));
}

const MANY = 10;
const EDGE = 4;

/** `all`, `0`, `[0, 1]`; of over 10 engines the first and last 4. */
export function allTargets(targets: Targets): string {
  if (typeof targets !== 'object') return String(targets);
  const shown = targets.length > MANY ? [...targets.slice(0, EDGE), '...', ...targets.slice(-EDGE)] : targets;
  return `[${shown.join(', ')}]`;
}
