// Other systems beside which benchmarks run: Python scripts of bench/peers that live as long as the benchmark. They
// answer one line of JSON with another, so that both sides can take turns. A peer that is not installed is reported by
// name.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ProgramFailed, programOutput } from '../../src/util/system/program-output.ts';

const ASK_MS = 300_000;
/** A Python that does not answer within this time is passed over: a disk or a wrapper hangs. The first import of a large module takes long. */
const LOOK_MS = 20_000;
const IMPORT_MS = 120_000;

/** How to start a peer. */
export interface PeerOptions {
  /** A file of bench/peers. */
  readonly script: string;
  readonly args?: readonly string[];
  /** Python modules that it imports. */
  readonly modules: readonly string[];
  /** Those of them that take long to import: only looked for. */
  readonly heavy?: readonly string[] | undefined;
  /** Environment variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Systems, containers and conda put their Python there, which PATH may not name. */
const PLACES = [
  '/usr/bin/python3',
  '/usr/local/bin/python3',
  '/opt/conda/bin/python3',
  '/opt/venv/bin/python3',
  '/venv/bin/python3',
];

/** The variables of this process without those that slow down a peer's BLAS: they halve NumPy's products. */
export function peerEnv(): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...rest } = process.env;
  return rest;
}

/** A peer cannot run here, for this reason. */
export class PeerMissing extends Error {
  override name = 'PeerMissing';
}

/** A running peer. */
export class Peer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  #noise = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    this.#answers = this.#lines[Symbol.asyncIterator]();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#noise = (this.#noise + text).slice(-4000);
    });
    // If the peer is dead, the missing answer tells so.
    child.stdin?.on('error', () => undefined);
  }

  /** Starts the script. @throws PeerMissing naming the modules that are not installed */
  static async start(options: PeerOptions): Promise<Peer> {
    const python = await findPython(options.modules, options.heavy);
    const script = join(repositoryRoot(), 'bench', 'peers', options.script);
    const env = { ...peerEnv(), PYTHONDONTWRITEBYTECODE: '1', ...options.env };
    return new Peer(spawn(python, [script, ...(options.args ?? [])], { stdio: 'pipe', env }));
  }

  /** The `value` of the answer. @throws Error with the peer's words when it fails or ends */
  async ask<Value = number>(request: Readonly<Record<string, unknown>> & { readonly do: string }): Promise<Value> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await this.#next(request.do);
    const answer = JSON.parse(line) as { value?: Value; error?: string };
    if (answer.value !== undefined) return answer.value;
    throw new Error(`the peer's ${request.do} failed: ${answer.error ?? line}`);
  }

  async #next(what: string): Promise<string> {
    const timer = setTimeout(() => this.#child.kill(), ASK_MS);
    const answer = await this.#answers.next();
    clearTimeout(timer);
    if (answer.done !== true) return answer.value;
    throw new Error(`the peer ended before it answered ${what}:\n${this.#noise.trim()}`);
  }

  /** Ends the input of the peer, which then stops its engines and exits. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lines.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill(), 20_000);
    await gone;
    clearTimeout(timer);
  }
}

/** The peer; undefined if it cannot run here, with the reason on stderr. */
export async function peerIfThere(options: PeerOptions): Promise<Peer | undefined> {
  try {
    return await Peer.start(options);
  } catch (error) {
    if (!(error instanceof PeerMissing)) throw error;
    console.error(`without a peer: ${error.message}`);
    return undefined;
  }
}

/**
 * A Python that imports all of these modules: $DIRECTVIEW_PYTHON, else python3 of PATH, or one of the usual places.
 * @param heavy modules that are looked for and not imported
 * @throws PeerMissing saying what each lacks
 */
export async function findPython(
  modules: readonly string[],
  heavy: readonly string[] = [],
  timeoutMs = modules.length > 0 ? IMPORT_MS : LOOK_MS,
): Promise<string> {
  const named = process.env['DIRECTVIEW_PYTHON'];
  const candidates = named === undefined ? ['python3', ...PLACES.filter((path) => existsSync(path))] : [named];
  const reasons: string[] = [];
  for (const python of candidates) {
    const reason = await lacks(python, modules, heavy, timeoutMs);
    if (reason === undefined) return python;
    reasons.push(`${python}: ${reason}`);
  }
  throw new PeerMissing(
    `no Python has ${[...modules, ...heavy].join(', ')} (${reasons.join('; ')}): .ci/peers installs them on Debian`,
  );
}

async function lacks(
  python: string,
  modules: readonly string[],
  heavy: readonly string[],
  timeoutMs: number,
): Promise<string | undefined> {
  const found = heavy.map((name) => `assert find_spec('${name}'), "No module named '${name}'"`);
  const text = ['from importlib.util import find_spec', ...modules.map((name) => `import ${name}`), ...found].join(
    '\n',
  );
  try {
    await programOutput(python, ['-c', text], timeoutMs);
    return undefined;
  } catch (error) {
    const { isMissing, message } = error as ProgramFailed;
    return isMissing ? 'not found' : message;
  }
}

/** The folder of package.json, above this compiled file: tsc does not copy Python scripts. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
