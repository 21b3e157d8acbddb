import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Client } from '../client/client.ts';
import { AccessControl } from './access-control.ts';
import { assetOf } from './assets.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { EventStreams } from './event-streams.ts';
import { metricsText } from './metrics.ts';
import { Observer } from './observer.ts';

/** The cluster that a dashboard shows. */
export interface DashboardSource {
  /** The name of the cluster. */
  readonly name: string;
  /** A client of its own, which it closes: it may end tasks and restart engines. */
  readonly rc: Client;
  /** The log of an engine. @throws Error for an engine without one */
  readonly log: (id: number) => Promise<string>;
}

/** Options of a dashboard. */
export interface DashboardOptions {
  /** The port of 127.0.0.1; default 0: one that is free. */
  readonly port?: number | undefined;
}

const MAX_BODY = 1024;
/** Characters of a log that a page gets. */
const LOG_CHARS = 64 * 1024;

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

/** A live page about a cluster, for browsers of this machine that have its token. */
export class Dashboard implements AsyncDisposable {
  readonly #source: DashboardSource;
  readonly #observer: Observer;
  readonly #streams: EventStreams;
  readonly #server: Server;
  readonly #limits: ConnectionLimits;
  readonly #access: AccessControl;

  private constructor(source: DashboardSource, server: Server) {
    this.#source = source;
    this.#server = server;
    this.#limits = new ConnectionLimits(server);
    this.#access = new AccessControl((server.address() as AddressInfo).port);
    this.#observer = new Observer(source.rc);
    this.#streams = new EventStreams(source.name, this.#observer);
    server.on('request', (request, response) => void this.#take(request, response));
  }

  /** Listens on 127.0.0.1. @throws Error where the port is taken */
  static async open(source: DashboardSource, { port = 0 }: DashboardOptions = {}): Promise<Dashboard> {
    const server = createServer({ maxHeaderSize: 8192, connectionsCheckingInterval: 1000 });
    Object.assign(server, { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000 });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new Dashboard(source, server);
  }

  /** The address of the page, with the token: whoever has it may look, interrupt and restart. */
  get url(): string {
    return this.#access.url;
  }

  /** Ends the server, its pages and its client. Idempotent. */
  async close(): Promise<void> {
    this.#observer.close();
    this.#streams.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    await this.#source.rc.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { method = '', url = '', headers } = request;
      if (!this.#admits(method, url, headers)) {
        response.writeHead(403, { 'Content-Length': 0, Connection: 'close' }).end();
        return;
      }
      this.#limits.admit(request.socket);
      await this.#answer(request, response, new URL(url, 'http://localhost'));
    } catch (error) {
      if (!response.headersSent) send(response, 500, (error as Error).message);
      else response.destroy();
    }
  }

  #admits(method: string, url: string, headers: IncomingMessage['headers']): boolean {
    try {
      return this.#access.admits({ method, url, headers });
    } catch {
      return false; // such a path has no URL
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { pathname } = url;
    if (request.method === 'POST') return this.#act(request, response, pathname);
    if (request.method !== 'GET') return send(response, 405, 'GET or POST');
    if (pathname === '/events') return this.#streams.open(response, HEADERS);
    if (pathname === '/metrics') return this.#metrics(response);
    if (pathname === '/log') return this.#log(response, url.searchParams.get('engine') ?? '');
    const asset = await assetOf(pathname);
    if (asset === undefined) return send(response, 404, 'there is no such page');
    const cookie = url.searchParams.has('token') ? { 'Set-Cookie': this.#access.cookie } : {};
    response.writeHead(200, { ...HEADERS, ...cookie, 'Content-Type': asset.type }).end(asset.bytes);
  }

  async #metrics(response: ServerResponse): Promise<void> {
    const text = metricsText(await this.#observer.look());
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
  }

  async #log(response: ServerResponse, engine: string): Promise<void> {
    if (engine === 'all') return send(response, 200, await this.#allLogs());
    if (!/^\d+$/.test(engine)) return send(response, 400, 'which engine?');
    send(response, 200, endOf(await this.#source.log(Number(engine)), LOG_CHARS));
  }

  async #allLogs(): Promise<string> {
    const { ids } = this.#source.rc;
    const most = Math.floor(LOG_CHARS / Math.max(1, ids.length));
    const logs = await Promise.all(ids.map((id) => this.#source.log(id).catch(() => '')));
    return logs.map((log, i) => endOf(log, most).replace(/^(?=.)/gm, `[engine ${ids[i]}] `)).join('');
  }

  async #act(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    const engine = await engineIn(request);
    const { rc } = this.#source;
    if (engine === undefined || !rc.ids.includes(engine)) return send(response, 400, 'there is no such engine');
    if (pathname === '/interrupt') await rc.interrupt(engine, { all: true });
    else if (pathname === '/restart') await rc.restart(engine);
    else return send(response, 404, 'there is no such action');
    send(response, 200, 'done');
  }
}

function send(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
}

/** The last whole lines. */
function endOf(log: string, most: number): string {
  if (log.length <= most) return log;
  const end = log.slice(-most);
  return end.slice(end.indexOf('\n') + 1);
}

/** The engine that a request names, as `{ "engine": 2 }`. */
async function engineIn(request: IncomingMessage): Promise<number | undefined> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_BODY) return undefined;
  }
  try {
    const { engine } = JSON.parse(text) as { engine?: unknown };
    return Number.isInteger(engine) ? (engine as number) : undefined;
  } catch {
    return undefined;
  }
}
