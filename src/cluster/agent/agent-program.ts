import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NoClusterHome } from '../../client/links/cluster-path.ts';
import { type JobFile, launchFolder, makeLaunchFolder, writeJobFile } from '../files/job-file.ts';
import type { AgentProgram, AgentShare } from '../launchers/launcher.ts';
import type { AgentOptions } from './agent-options.ts';

/** The command line's entry, found from this compiled file: its `agent` command is the program of agents. */
const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

/** The programs of a cluster's agents. Their files lie in the user's folder of clusters, which hosts usually share. */
export class AgentPrograms {
  readonly #clusterId: string;
  #dir: string | undefined;

  /** `clusterId` names the folder of the files. */
  constructor(clusterId: string) {
    this.#clusterId = clusterId;
  }

  /** The program of the agents of one launch. */
  of(options: AgentOptions): AgentProgram {
    const line = (share: AgentShare = {}) => JSON.stringify({ ...options, ...given(share) });
    return {
      command: [process.execPath, MAIN, 'agent'],
      controller: options.controller,
      line,
      file: (share) => this.#write(`${line(share)}\n`),
    };
  }

  #write(text: string): string {
    this.#dir ??= this.#makeDir();
    const path = join(this.#dir, `${randomBytes(6).toString('hex')}.json`);
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
    return path;
  }

  // Engines on this host need no file: their cluster runs without a home.
  #makeDir(): string {
    const dir = launchFolder(this.#clusterId);
    makeLaunchFolder(dir);
    return dir;
  }

  /** Writes down what was submitted: when this process is killed, another one may end it. Without a home nothing is written. */
  keep(file: JobFile): void {
    try {
      this.#dir ??= this.#makeDir();
      writeJobFile(this.#dir, file);
    } catch (error) {
      if (!(error instanceof NoClusterHome)) throw error;
    }
  }

  /** Removes the files. Idempotent; synchronous, so that the process's `exit` handler may call it. */
  remove(): void {
    if (this.#dir !== undefined) rmSync(this.#dir, { recursive: true, force: true });
  }
}

// A field that is undefined must not hide the one of the launch.
function given(share: AgentShare): Partial<AgentShare> {
  return Object.fromEntries(Object.entries(share).filter(([, value]) => value !== undefined));
}
