// Who gets in: the token, in its place, from a page of this address.
import * as assert from 'uvu/assert';
import { AccessControl, type RequestHead } from '../../../src/dashboard/access-control.ts';
import { suite } from '../../support/suite.ts';

const test = suite('dashboard/access-control');

const PORT = 4321;
const access = new AccessControl(PORT);
const { token } = access;
const HOST = `127.0.0.1:${PORT}`;
const COOKIE = `directview-${PORT}=${token}`;
const WRONG = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;

const headOf = (url: string, headers: RequestHead['headers'] = {}, method = 'GET'): RequestHead => ({
  method,
  url,
  headers: { host: HOST, ...headers },
});

const ADMITTED: readonly [string, RequestHead][] = [
  ['the address of the page', headOf(`/?token=${token}`)],
  ['a link followed from elsewhere', headOf(`/?token=${token}`, { 'sec-fetch-site': 'cross-site' })],
  ['localhost', headOf(`/?token=${token}`, { host: `localhost:${PORT}` })],
  ['the cookie', headOf('/', { cookie: COOKIE })],
  ['the cookie among others', headOf('/events', { cookie: `a=b; ${COOKIE}; directview-1=x` })],
  ['a file of the page', headOf('/app.js', { cookie: COOKIE, 'sec-fetch-site': 'same-origin' })],
  ['a deed of the page', headOf('/interrupt', { cookie: COOKIE, origin: `http://${HOST}` }, 'POST')],
  [
    'a deed of the page, without an origin',
    headOf('/interrupt', { cookie: COOKIE, 'sec-fetch-site': 'same-origin' }, 'POST'),
  ],
  ['the bearer of the metrics', headOf('/metrics', { authorization: `Bearer ${token}` })],
];

const REFUSED: readonly [string, RequestHead][] = [
  ['nothing', headOf('/')],
  ['an empty token', headOf('/?token=')],
  ['a wrong token', headOf(`/?token=${WRONG}`)],
  ['a wrong token with a cookie', headOf(`/?token=${WRONG}`, { cookie: COOKIE })],
  ['a part of the token', headOf(`/?token=${token.slice(0, -1)}`)],
  ['a longer token', headOf(`/?token=${token}A`)],
  ['two tokens', headOf(`/?token=${token}&token=${token}`)],
  ['the token of another path', headOf(`/events?token=${token}`)],
  ['the token in the query of the metrics', headOf(`/metrics?token=${token}`)],
  [
    'the token in the query of the metrics, beside the bearer',
    headOf(`/metrics?token=${token}`, { authorization: `Bearer ${token}` }),
  ],
  ['the token as a path', headOf(`/${token}`)],
  ['the token in a header of its own', headOf('/', { 'x-token': token })],
  ['the bearer of a page', headOf('/', { authorization: `Bearer ${token}` })],
  ['the bearer of events', headOf('/events', { authorization: `Bearer ${token}` })],
  ['the cookie of metrics', headOf('/metrics', { cookie: COOKIE })],
  ['another scheme', headOf('/metrics', { authorization: `Basic ${token}` })],
  ['a wrong cookie', headOf('/', { cookie: `directview-${PORT}=${WRONG}` })],
  ['the cookie of another port', headOf('/', { cookie: `directview-1=${token}` })],
  ['two cookies', headOf('/', { cookie: `${COOKIE}; ${COOKIE}` })],
  ['another name of this host', headOf('/', { cookie: COOKIE, host: `evil.example:${PORT}` })],
  ['another name, with the token', headOf(`/?token=${token}`, { host: `rebound.example:${PORT}` })],
  ['another port', headOf('/', { cookie: COOKIE, host: '127.0.0.1:80' })],
  ['no host', { method: 'GET', url: '/', headers: { cookie: COOKIE } }],
  ['another origin', headOf('/events', { cookie: COOKIE, origin: 'http://evil.example' })],
  ['a page of another port', headOf('/events', { cookie: COOKIE, origin: 'http://127.0.0.1:80' })],
  ['the origin of a sandbox', headOf('/interrupt', { cookie: COOKIE, origin: 'null' }, 'POST')],
  ['a deed without an origin', headOf('/interrupt', { cookie: COOKIE }, 'POST')],
  [
    'a deed of another port, without an origin',
    headOf('/restart', { cookie: COOKIE, 'sec-fetch-site': 'same-site' }, 'POST'),
  ],
  ['a deed that a person typed', headOf('/restart', { cookie: COOKIE, 'sec-fetch-site': 'none' }, 'POST')],
  ['a deed of another page', headOf('/restart', { cookie: COOKIE, origin: 'http://evil.example' }, 'POST')],
  ['a frame of another site', headOf('/', { cookie: COOKIE, 'sec-fetch-site': 'cross-site' })],
  ['another site of this host', headOf('/events', { cookie: COOKIE, 'sec-fetch-site': 'same-site' })],
];

for (const [name, request] of ADMITTED) test(`admits ${name}`, () => assert.is(access.admits(request), true));
for (const [name, request] of REFUSED) test(`refuses ${name}`, () => assert.is(access.admits(request), false));

test('tokens are long, and of one dashboard alone', () => {
  assert.ok(token.length >= 43);
  assert.is.not(new AccessControl(PORT).token, token);
  assert.is(access.url, `http://127.0.0.1:${PORT}/?token=${token}`);
  assert.is(access.cookie, `${COOKIE}; HttpOnly; SameSite=Strict; Path=/`);
});

test.run();
