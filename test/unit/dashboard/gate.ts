// Who gets in: the token, in its place, from a page of this address.
import * as assert from 'uvu/assert';
import { Gate, type Knock } from '../../../src/dashboard/gate.ts';
import { suite } from '../../support/suite.ts';

const test = suite('dashboard/gate');

const PORT = 4321;
const gate = new Gate(PORT);
const { token } = gate;
const HOST = `127.0.0.1:${PORT}`;
const COOKIE = `directview-${PORT}=${token}`;
const WRONG = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;

const knock = (url: string, headers: Knock['headers'] = {}, method = 'GET'): Knock => ({
  method,
  url,
  headers: { host: HOST, ...headers },
});

const ADMITTED: readonly [string, Knock][] = [
  ['the address of the page', knock(`/?token=${token}`)],
  ['a link followed from elsewhere', knock(`/?token=${token}`, { 'sec-fetch-site': 'cross-site' })],
  ['localhost', knock(`/?token=${token}`, { host: `localhost:${PORT}` })],
  ['the cookie', knock('/', { cookie: COOKIE })],
  ['the cookie among others', knock('/events', { cookie: `a=b; ${COOKIE}; directview-1=x` })],
  ['a file of the page', knock('/app.js', { cookie: COOKIE, 'sec-fetch-site': 'same-origin' })],
  ['a deed of the page', knock('/interrupt', { cookie: COOKIE, origin: `http://${HOST}` }, 'POST')],
  [
    'a deed of the page, without an origin',
    knock('/interrupt', { cookie: COOKIE, 'sec-fetch-site': 'same-origin' }, 'POST'),
  ],
  ['the bearer of the metrics', knock('/metrics', { authorization: `Bearer ${token}` })],
];

const REFUSED: readonly [string, Knock][] = [
  ['nothing', knock('/')],
  ['an empty token', knock('/?token=')],
  ['a wrong token', knock(`/?token=${WRONG}`)],
  ['a wrong token with a cookie', knock(`/?token=${WRONG}`, { cookie: COOKIE })],
  ['a part of the token', knock(`/?token=${token.slice(0, -1)}`)],
  ['a longer token', knock(`/?token=${token}A`)],
  ['two tokens', knock(`/?token=${token}&token=${token}`)],
  ['the token of another path', knock(`/events?token=${token}`)],
  ['the token in the query of the metrics', knock(`/metrics?token=${token}`)],
  [
    'the token in the query of the metrics, beside the bearer',
    knock(`/metrics?token=${token}`, { authorization: `Bearer ${token}` }),
  ],
  ['the token as a path', knock(`/${token}`)],
  ['the token in a header of its own', knock('/', { 'x-token': token })],
  ['the bearer of a page', knock('/', { authorization: `Bearer ${token}` })],
  ['the bearer of events', knock('/events', { authorization: `Bearer ${token}` })],
  ['the cookie of metrics', knock('/metrics', { cookie: COOKIE })],
  ['another scheme', knock('/metrics', { authorization: `Basic ${token}` })],
  ['a wrong cookie', knock('/', { cookie: `directview-${PORT}=${WRONG}` })],
  ['the cookie of another port', knock('/', { cookie: `directview-1=${token}` })],
  ['two cookies', knock('/', { cookie: `${COOKIE}; ${COOKIE}` })],
  ['another name of this host', knock('/', { cookie: COOKIE, host: `evil.example:${PORT}` })],
  ['another name, with the token', knock(`/?token=${token}`, { host: `rebound.example:${PORT}` })],
  ['another port', knock('/', { cookie: COOKIE, host: '127.0.0.1:80' })],
  ['no host', { method: 'GET', url: '/', headers: { cookie: COOKIE } }],
  ['another origin', knock('/events', { cookie: COOKIE, origin: 'http://evil.example' })],
  ['a page of another port', knock('/events', { cookie: COOKIE, origin: 'http://127.0.0.1:80' })],
  ['the origin of a sandbox', knock('/interrupt', { cookie: COOKIE, origin: 'null' }, 'POST')],
  ['a deed without an origin', knock('/interrupt', { cookie: COOKIE }, 'POST')],
  [
    'a deed of another port, without an origin',
    knock('/restart', { cookie: COOKIE, 'sec-fetch-site': 'same-site' }, 'POST'),
  ],
  ['a deed that a person typed', knock('/restart', { cookie: COOKIE, 'sec-fetch-site': 'none' }, 'POST')],
  ['a deed of another page', knock('/restart', { cookie: COOKIE, origin: 'http://evil.example' }, 'POST')],
  ['a frame of another site', knock('/', { cookie: COOKIE, 'sec-fetch-site': 'cross-site' })],
  ['another site of this host', knock('/events', { cookie: COOKIE, 'sec-fetch-site': 'same-site' })],
];

for (const [name, request] of ADMITTED) test(`admits ${name}`, () => assert.is(gate.admits(request), true));
for (const [name, request] of REFUSED) test(`refuses ${name}`, () => assert.is(gate.admits(request), false));

test('tokens are long, and of one gate alone', () => {
  assert.ok(token.length >= 43);
  assert.is.not(new Gate(PORT).token, token);
  assert.is(gate.url, `http://127.0.0.1:${PORT}/?token=${token}`);
  assert.is(gate.cookie, `${COOKIE}; HttpOnly; SameSite=Strict; Path=/`);
});

test.run();
