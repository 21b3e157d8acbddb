import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The part of a request that decides whether it gets in. */
export interface RequestHead {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Decides who gets in: holders of the token, from a page of this address. The token comes in the query of the page, once;
 * then as a cookie that scripts cannot read and other sites cannot send. `/metrics` takes it as a bearer token. Another
 * name of this host, as DNS rebinding has it, or another origin is refused with the right token, too.
 */
export class AccessControl {
  readonly token: string = randomBytes(32).toString('base64url');
  readonly #digest = digest(this.token);
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** The address with the token, for a person. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.token}`;
  }

  /** The header that makes a cookie of the token. Cookies know no ports: the name does. */
  get cookie(): string {
    return `${this.#name}=${this.token}; HttpOnly; SameSite=Strict; Path=/`;
  }

  get #name(): string {
    return `directview-${this.#port}`;
  }

  /** True for a request that may be answered. */
  admits({ method, url, headers }: RequestHead): boolean {
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const { host, origin } = headers;
    if (host !== `127.0.0.1:${this.#port}` && host !== `localhost:${this.#port}`) return false;
    if (!isOwn(origin, host, method, headers['sec-fetch-site'])) return false;
    if (pathname === '/metrics') return url === '/metrics' && this.#isBearer(headers.authorization);
    const tokens = searchParams.getAll('token');
    if (tokens.length > 0) return pathname === '/' && tokens.length === 1 && this.#is(tokens[0]);
    return this.#isHome(headers) && this.#hasCookie(headers.cookie);
  }

  // Browsers say where a request comes from; a link that a person follows comes from nowhere or from elsewhere.
  #isHome(headers: IncomingHttpHeaders): boolean {
    const site = headers['sec-fetch-site'];
    return site === undefined || site === 'same-origin' || site === 'none';
  }

  #isBearer(authorization: string | undefined): boolean {
    const found = /^Bearer +([\w-]+)$/i.exec(authorization ?? '');
    return this.#is(found?.[1]);
  }

  #hasCookie(header: string | undefined): boolean {
    const cookies = (header ?? '').split(';').map((cookie) => cookie.trim().split('='));
    const own = cookies.filter(([name]) => name === this.#name);
    return own.length === 1 && this.#is(own[0]?.slice(1).join('='));
  }

  // In the same time, however much of it is right.
  #is(token: string | undefined): boolean {
    return token !== undefined && timingSafeEqual(digest(token), this.#digest);
  }
}

/** A page of this address says so by its origin; some browsers by `sec-fetch-site` alone, which no script can set. */
function isOwn(origin: string | undefined, host: string, method: string, site: unknown): boolean {
  if (origin !== undefined) return origin === `http://${host}`;
  return method !== 'POST' || site === 'same-origin';
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
