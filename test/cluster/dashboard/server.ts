// The server of a dashboard, for those with the token and those without.
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Dashboard } from 'directview';
import * as assert from 'uvu/assert';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cluster: the server of a dashboard');
let rig: Rig;
let dashboard: Dashboard;
test.before(async () => {
  rig = await startRig(2);
  dashboard = await rig.cluster.dashboard();
});
test.after(async () => {
  await dashboard.close();
  await rig.stop();
});

interface Reply {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const address = () => new URL(dashboard.url);
const token = () => address().searchParams.get('token') as string;
const host = () => address().host;
const cookie = () => `directview-${address().port}=${token()}`;

/** Asks, with exactly these headers. */
function ask(path: string, headers: Record<string, string> = {}, { method = 'GET', body = '' } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { port } = address();
    const asked = request(
      { host: '127.0.0.1', port, path, method, headers: { host: host(), ...headers } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ code: answer.statusCode ?? 0, headers: answer.headers, text }));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

const post = (path: string, engine: unknown, headers: Record<string, string> = {}) =>
  ask(
    path,
    { cookie: cookie(), origin: `http://${host()}`, ...headers },
    { method: 'POST', body: JSON.stringify({ engine }) },
  );

test('the page comes for the token, which becomes a cookie that no script and no other site has', async () => {
  assert.is(address().hostname, '127.0.0.1');
  const page = await ask(`/?token=${token()}`);
  assert.is(page.code, 200);
  assert.equal(page.headers['set-cookie'], [`${cookie()}; HttpOnly; SameSite=Strict; Path=/`]);
  const policy = String(page.headers['content-security-policy']);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.not.match(policy, /unsafe/);
  assert.equal([page.headers['x-content-type-options'], page.headers['referrer-policy']], ['nosniff', 'same-origin']);
  assert.not.match(page.text, /style=|<script>|onclick/);
  for (const [, path] of page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    assert.is((await ask(path as string, { cookie: cookie() })).code, 200, path);
  }
  const again = await ask('/', { cookie: cookie() });
  assert.equal([again.code, again.headers['set-cookie']], [200, undefined]);
});

test('without the token, with a wrong one, in another place, from elsewhere: 403, and no word more', async () => {
  const wrong: readonly [path: string, headers?: Record<string, string>][] = [
    ['/'],
    ['/?token=x'],
    [`/events?token=${token()}`],
    [`/metrics?token=${token()}`],
    ['/metrics', { cookie: cookie() }],
    ['/', { authorization: `Bearer ${token()}` }],
    ['/', { cookie: cookie(), host: 'rebound.example' }],
    [`/?token=${token()}`, { host: `rebound.example:${address().port}` }],
    ['/events', { cookie: cookie(), origin: 'http://evil.example' }],
    ['/app.js'],
    ['/log?engine=0'],
    ['//', {}],
    ['/%', {}],
  ];
  for (const [path, headers] of wrong) {
    const { code, text, headers: told } = await ask(path, headers);
    assert.equal([code, text], [403, ''], path);
    assert.equal([told.server, told['set-cookie'], told['content-security-policy']], [undefined, undefined, undefined]);
  }
  const { port } = address();
  for (const path of ['/interrupt', '/restart']) {
    assert.is((await post(path, 0, { origin: `http://localhost:${port}` })).code, 403);
    assert.is((await post(path, 0, { cookie: '' })).code, 403);
    assert.is((await ask(path, { cookie: cookie() }, { method: 'POST', body: '{"engine":0}' })).code, 403);
  }
});

test('holders of the token who ask for what is not there are told', async () => {
  const known = { cookie: cookie() };
  assert.is((await ask('/nothing', known)).code, 404);
  assert.is((await ask('/../../package.json', known)).code, 404);
  assert.is((await ask('/constructor', known)).code, 404);
  assert.is((await ask('/', known, { method: 'DELETE' })).code, 405);
  assert.is((await ask('/log?engine=x', known)).code, 400);
  for (const engine of [99, -1, '0', null, 0.5]) assert.is((await post('/restart', engine)).code, 400, String(engine));
  assert.is(
    (await ask('/interrupt', { ...known, origin: `http://${host()}` }, { method: 'POST', body: 'x'.repeat(1e5) })).code,
    400,
  );
  assert.is((await post('/delete', 0)).code, 404);
});

test('/metrics has the figures, for the token as bearer', async () => {
  await rig.v.with({ label: 'measured' }).apply(() => 1);
  const { code, headers, text } = await ask('/metrics', { authorization: `Bearer ${token()}` });
  assert.is(code, 200);
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  for (const id of [0, 1]) {
    assert.match(text, `directview_tasks_total{engine="${id}",label="measured",status="ok"} 1\n`);
    assert.match(text, `directview_engine_up{engine="${id}"} 1\n`);
  }
});

test('logs: of one engine, and of all with their names', async () => {
  // Again and again: text that is printed before the task has ended is the task's.
  await rig.v.execute('var talk = setInterval(() => console.log("hello from outside"), 20)');
  const until = async (path: string, text: RegExp) => {
    for (;;) {
      const { text: got } = await ask(path, { cookie: cookie() });
      if (text.test(got)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await until('/log?engine=1', /^hello from outside$/m);
  await until('/log?engine=all', /^\[engine 0\] hello from outside\n\[engine 1\] hello from outside$/m);
  await rig.v.execute('clearInterval(talk)');
});

test('interrupt ends what runs, whosever it is; restart gives another engine', async () => {
  const endless = rig.e0.apply(() => {
    for (;;) Math.sqrt(2);
  });
  while (((await rig.rc.status(0)).get(0)?.running ?? null) === null);
  assert.is((await post('/interrupt', 0)).code, 200);
  const error = await endless.get({ returnErrors: true }).catch((thrown: unknown) => thrown);
  assert.match(String(error), /TaskInterrupted/);
  const before = rig.rc.engine(1)?.uuid;
  assert.is((await post('/restart', 1)).code, 200);
  await rig.rc.waitForEngines(2);
  assert.is.not(rig.rc.engine(1)?.uuid, before);
  assert.is(await rig.rc.view(1).apply(() => 6 * 7), 42);
});

/** An open connection that says nothing. */
function idle(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(Number(address().port), '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

test('a thousand idle connections: most are closed, friends get in, and engines go on', async () => {
  let closed = 0;
  const sockets: Socket[] = [];
  const enough = new Promise<void>((resolve) => {
    const count = () => ++closed >= 960 && resolve();
    void (async () => {
      for (let i = 0; i < 1000; i += 50) {
        const some = await Promise.all(Array.from({ length: 50 }, () => idle()));
        for (const socket of some)
          socket
            .on('error', () => {})
            .once('close', count)
            .resume();
        sockets.push(...some);
      }
    })();
  });
  await enough;
  assert.is((await ask('/', { cookie: cookie() })).code, 200);
  assert.equal(await rig.v.apply((x: number) => x + 1, 1), [2, 2]);
  for (const socket of sockets) socket.destroy();
});

for (const [what, head] of [
  ['garbage', ''],
  ['a header without an end', 'GET / HTTP/1.1\r\nHost: x\r\nX: '],
  ['a body without a token', 'POST /interrupt HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n'],
] as const) {
  test(`a stranger who pushes 1 GB of ${what} is cut off at its beginning, and friends get in`, async () => {
    const socket = await idle();
    socket.on('error', () => {}).resume();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const piece = Buffer.alloc(2 ** 20, 'x');
    let pushed = 0;
    socket.write(head);
    const push = () => {
      for (let goesOn = true; goesOn && !socket.destroyed && pushed < 2 ** 30; pushed += piece.length)
        goesOn = socket.write(piece);
    };
    socket.on('drain', push);
    push();
    await closed;
    assert.ok(pushed < 32 * 2 ** 20, `${pushed / 2 ** 20} MiB were taken`);
    assert.is((await ask('/', { cookie: cookie() })).code, 200);
  });
}

test('a second dashboard has a port and a token of its own; a port that is taken is refused', async () => {
  const other = await rig.cluster.dashboard();
  try {
    assert.is.not(new URL(other.url).port, address().port);
    const foreign = new URL(other.url).searchParams.get('token');
    assert.is((await ask(`/?token=${foreign}`)).code, 403);
    const taken = await rig.cluster.dashboard({ port: Number(address().port) }).catch((error: Error) => error);
    assert.match(String(taken), /EADDRINUSE/);
  } finally {
    await other.close();
    await other.close();
  }
});

test.run();
