// A test file with real processes must leave nothing: no process, socket file, temporary folder, descriptor, shared memory.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Every process below inherits it: engines get all variables of that beginning. */
const MARK = 'DIRECTVIEW_TEST_MARK';
/** Milliseconds in which processes that were told to end may do so. */
const PATIENCE_MS = 15_000;

const entriesOf = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** How many descriptors of this process are open, of the kinds that a test may leave. */
function descriptors(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const fd of entriesOf('/proc/self/fd')) {
    const kind = kindOf(fd);
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** Devices and folders of the system that are read now and then, this look among them. */
const SYSTEM = /^\/(dev|proc|sys)\//;

// Not eventfd, epoll and timers: libuv's threads and libzmq's context keep theirs until the process ends.
function kindOf(fd: string): string | undefined {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    if (target.startsWith('/')) return SYSTEM.test(target) ? undefined : `file ${target}`;
    return /^(?:anon_inode:)?(socket|pipe|inotify|pidfd|memfd)/.exec(target.replace('[', ''))?.[1];
  } catch {
    return undefined;
  }
}

/** Watches what this process makes from now on. */
export class LeakCheck {
  readonly #mark = randomUUID();
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), 'dvt-')));
  readonly #before = descriptors();
  readonly #shared = new Set(entriesOf('/dev/shm'));
  readonly #home = process.env['TMPDIR'];

  constructor() {
    process.env[MARK] = this.#mark;
    // The software GPU is unpacked once for all test files, and stays.
    process.env['XDG_CACHE_HOME'] ??= tmpdir();
    // Compilers keep one in the temporary folder on newer versions of Node.
    process.env['NODE_DISABLE_COMPILE_CACHE'] = '1';
    process.env['TMPDIR'] = this.#folder;
    if (process.env['XDG_RUNTIME_DIR'] !== undefined) process.env['XDG_RUNTIME_DIR'] = this.#folder;
  }

  /** Waits until nothing is left. @throws Error naming what stays */
  async check(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    let left = this.#left();
    while (left.length > 0 && performance.now() < end) {
      await sleep(25);
      left = this.#left();
    }
    this.#restore();
    if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`);
  }

  #left(): string[] {
    return [
      ...this.#processes().map((pid) => `process ${pid} (${commandOf(pid)})`),
      ...entriesOf(this.#folder).map((name) => `${name} in the temporary folder`),
      ...this.#listeners().map((path) => `a listener at ${path}`),
      ...entriesOf('/dev/shm')
        .filter((name) => name.startsWith('directview') && !this.#shared.has(name))
        .map((name) => `/dev/shm/${name}`),
      ...[...descriptors()]
        .filter(([kind, count]) => count > (this.#before.get(kind) ?? 0))
        .map(([kind, count]) => `${count - (this.#before.get(kind) ?? 0)} descriptors of a ${kind}`),
    ];
  }

  #processes(): string[] {
    return entriesOf('/proc').filter(
      (pid) => /^\d+$/.test(pid) && pid !== String(process.pid) && textOf(`/proc/${pid}/environ`).includes(this.#mark),
    );
  }

  #listeners(): string[] {
    return textOf('/proc/net/unix')
      .split('\n')
      .filter((line) => line.includes(`${this.#folder}/`) && line.split(/\s+/)[3] === '00010000')
      .map((line) => line.split(/\s+/).at(-1) as string);
  }

  #restore(): void {
    if (this.#home === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = this.#home;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function commandOf(pid: string): string {
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 200);
}
