// JupyterLab as its users start it: a server of its own, with files of its own, for one folder.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a server finds its kernels and keeps its files. */
export interface LabOptions {
  /** A Python that has jupyterlab. */
  readonly python: string;
  /** The folder that it shows. */
  readonly folder: string;
  /** A folder for what it writes. */
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
}

type Three = [string, string, string];

interface Told {
  readonly port: number;
}

/** A running JupyterLab. */
export class JupyterLab {
  readonly #child: ChildProcess;
  readonly #token: string;
  readonly #port: number;

  private constructor(child: ChildProcess, token: string, port: number) {
    this.#child = child;
    this.#token = token;
    this.#port = port;
  }

  /** Resolves when the server listens. @throws Error with what it said when it ends before */
  static async start({ python, folder, home, env: given }: LabOptions): Promise<JupyterLab> {
    const token = randomUUID();
    const [runtime, settings, workspaces] = ['run', 'settings', 'workspaces'].map((name) => join(home, name)) as Three;
    quiet(settings);
    const own = {
      JUPYTER_RUNTIME_DIR: runtime,
      JUPYTERLAB_SETTINGS_DIR: settings,
      JUPYTERLAB_WORKSPACES_DIR: workspaces,
    };
    const env = { ...given, ...own };
    const server = [`--ServerApp.root_dir=${folder}`, `--IdentityProvider.token=${token}`, '--ServerApp.ip=127.0.0.1'];
    const browser = ['--no-browser', '--ServerApp.port=0', '--LabApp.expose_app_in_browser=True', '--allow-root'];
    const args = ['-m', 'jupyterlab', ...server, ...browser];
    const child = spawn(python, args, { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    // The server writes this file when it listens.
    const file = join(runtime, `jpserver-${child.pid}.json`);
    while (!existsSync(file) || !log.includes('is running at')) {
      if (child.exitCode !== null) throw new Error(`jupyterlab ended: ${log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { port } = JSON.parse(readFileSync(file, 'utf8')) as Told;
    return new JupyterLab(child, token, port);
  }

  /** The address of a notebook of the folder. */
  urlOf(notebook: string): string {
    return `http://127.0.0.1:${this.#port}/doc/tree/${notebook}?token=${this.#token}&reset`;
  }

  /** Ends it, and the kernels that it has started. */
  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** It asks nobody for news, and so shows no question about it. */
function quiet(settings: string): void {
  const folder = join(settings, '@jupyterlab', 'apputils-extension');
  mkdirSync(folder, { recursive: true });
  const none = { fetchNews: 'false', checkForUpdates: false };
  writeFileSync(join(folder, 'notification.jupyterlab-settings'), JSON.stringify(none));
}
