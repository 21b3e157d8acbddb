import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { AbortError, ClusterError } from '../../../errors.ts';
import { spawned } from '../process/spawned.ts';

/** The limits of a scheduler's command, and what it gets. */
export interface CommandOptions {
  /** Milliseconds for each try; default 30 000. */
  readonly timeout?: number | undefined;
  /** How often a failed try is repeated; default 0: a refusal stays a refusal. */
  readonly retries?: number | undefined;
  /** Text for its standard input. */
  readonly input?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 30_000;
const RETRY_MS = 500;
/** Characters that are kept of each stream. */
const MAX_TEXT = 4 * 1024 * 1024;
/** Characters of the system's words that an error quotes. */
const MAX_WORDS = 2000;

/**
 * Runs a command of a scheduler, without a shell and off the main path, and returns what it prints. A scheduler that is
 * busy may hang, so that each try has its time.
 * @throws ClusterError with the command's own words when it fails, or says nothing in time; AbortError
 */
export async function schedulerCommand(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  for (let left = options.retries ?? 0; ; left--) {
    try {
      return await once(argv, options);
    } catch (error) {
      if (left <= 0 || error instanceof AbortError) throw error;
      await pause(RETRY_MS);
    }
  }
}

function once(
  argv: readonly string[],
  { timeout = TIMEOUT_MS, input, env, cwd, signal }: CommandOptions,
): Promise<string> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw new AbortError('the start was aborted', { cause: signal.reason });
    // A group of its own: a Ctrl-C must not end a submission half-way, whose jobs nobody would know.
    const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
    const child = spawned(spawn(program, args, { env, cwd, stdio, detached: true }), program);
    const texts = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.out = (texts.out + text).slice(0, MAX_TEXT);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      texts.err = (texts.err + text).slice(-MAX_TEXT);
    });
    const fail = (error: Error) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      child.kill('SIGKILL');
      reject(error);
    };
    const onAbort = () => fail(new AbortError('the start was aborted', { cause: signal?.reason }));
    const timer = setTimeout(() => fail(new ClusterError(`${program} has not answered within ${timeout} ms`)), timeout);
    signal?.addEventListener('abort', onAbort, { once: true });
    child.once('error', (error) => fail(missing(program, error)));
    child.once('close', (code, killer) => {
      if (code !== 0) fail(new ClusterError(`${program} failed: ${wordsOf(texts) || endText(code, killer)}`));
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(texts.out);
    });
    child.stdin.on('error', () => {}); // it may have ended before it read
    child.stdin.end(input ?? '');
  });
}

function missing(program: string, error: Error): ClusterError {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const why = isMissing ? 'is not installed on this host, or not on its PATH' : `could not be run: ${error.message}`;
  return new ClusterError(`${program} ${why}`, { cause: error });
}

const endText = (code: number | null, signal: string | null): string =>
  signal === null ? `exit code ${code}` : `killed by ${signal}`;

/** The words in which a command says why it failed, on one line. */
export function wordsOf({ out, err }: { readonly out: string; readonly err: string }): string {
  const text = err.trim() === '' ? out : err;
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' · ')
    .slice(0, MAX_WORDS);
}
