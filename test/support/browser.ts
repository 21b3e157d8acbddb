// A page in a real browser: the Chromium that tests of software GPUs bring, spoken to over a pipe (Chrome DevTools Protocol).
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import chromium from '@sparticuz/chromium';

type Fields = Readonly<Record<string, unknown>>;
interface Answer {
  readonly id?: number;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

/** The browser's program. It is unpacked once for all test files, and stays: no leftover of one of them. */
async function unpacked(): Promise<string> {
  const { TMPDIR: own, XDG_CACHE_HOME: cache } = process.env;
  if (cache !== undefined) process.env['TMPDIR'] = cache;
  try {
    return await chromium.executablePath();
  } finally {
    if (own === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = own;
  }
}

/** A browser with one page. */
export class Browser {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #session: string | undefined;
  #next = 0;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() as string;
      for (const message of messages) this.#take(JSON.parse(message) as Answer);
    });
  }

  /** Starts the browser and loads the page. */
  static async open(url: string, size: { readonly width: number; readonly height: number }): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'dvbrowser-'));
    // Pages are tried as people have them: with the walls between sites.
    const own = chromium.args.filter((arg) => arg !== '--disable-web-security');
    const args = [...own, '--remote-debugging-pipe', `--user-data-dir=${folder}`];
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
    const browser = new Browser(spawn(await unpacked(), args, { stdio: [...stdio] }), folder);
    const { targetId } = await browser.#ask('Target.createTarget', { url, ...size });
    const { sessionId } = await browser.#ask('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = sessionId as string;
    await browser.#ask('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: false });
    // The empty page from before is complete, too; pictures that load lazily come after that.
    const isThere = "document.readyState === 'complete' && location.href !== 'about:blank'";
    const isDrawn = '[...document.images].every((one) => one.complete && one.naturalWidth > 0)';
    const isReady = `${isThere} && document.body.childElementCount > 0 && ${isDrawn}`;
    // While it goes to the page it has nothing to evaluate in.
    const ready = () => browser.evaluate(isReady).catch(() => false);
    while ((await ready()) !== true) await new Promise((r) => setTimeout(r, 20));
    return browser;
  }

  #take({ id, ...answer }: Answer): void {
    if (id !== undefined) this.#waiting.get(id)?.(answer);
  }

  async #ask(method: string, params: Fields): Promise<Fields> {
    const id = ++this.#next;
    const message = { id, method, params, sessionId: this.#session };
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    const { result, error } = await answer;
    if (result === undefined) throw new Error(`${method}: ${error?.message}`);
    return result;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.#ask('Runtime.evaluate', { expression, returnByValue: true });
    return (result as Fields)['value'];
  }

  /** The visible part of the page, as the bytes of a PNG file. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.#ask('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data as string, 'base64');
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
