// `npm run mutants [-- part of a name]`: takes pieces of the reliability code out, one at a time, from a copy of dist, and
// runs the tests that must notice. A mutant that no named test notices is a fault of the tests. `--check` as the first
// argument: only looks whether the texts are still there.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** [name, file in dist, its text, what takes its place, tests, part of the name of a test] */
const MUTANTS = [
  [
    'messages without end are kept',
    'src/comm/zeromq/unread-bytes.js',
    'return isOver ? largest(',
    'return false ? largest(',
    ['unit/comm/unread-bytes'],
    'a window of each connection',
  ],
  [
    'a client does not send again after a lost link',
    'src/client/links/task-link.js',
    'if (!kept.isOut)\n                    this.#send(open, kept);',
    'if (!kept.isOut)\n                    void kept;',
    ['unit/client/links/task-link'],
    'a link that breaks now and then',
  ],
  [
    'a client does not ask again for results of others',
    'src/client/links/task-link.js',
    'void open.send(message);',
    'void message;',
    ['unit/client/links/task-link'],
    'what was asked for',
  ],
  [
    'requests to an engine that is gone wait on',
    'src/rpc/control-client.js',
    'this.#requests.failAll(this.#closed);',
    '',
    ['unit/client/links/connection'],
    'control requests',
  ],
  [
    'tasks of a dead client run on',
    'engines/queue/task-loop.js',
    'void this.#handle(this.#queue.ownerGone(uuid));',
    'void uuid;',
    ['cluster/chaos/faults'],
    '11. SIGKILL of a client',
  ],
  [
    'processes that user code started stay',
    'src/cluster/launchers/process/engine-process.js',
    "process.kill(-pid, 'SIGKILL');",
    "process.kill(pid, 'SIGKILL');",
    ['cluster/chaos/delivery'],
    'processes that a task',
  ],
  [
    'a listener takes frames of any size',
    'src/comm/zeromq/settings.js',
    'maxMessageSize: limits.chunkBytes + 64 * 1024 + BATCH_BYTES,',
    'maxMessageSize: -1,',
    ['unit/comm/hostile'],
    'a frame above the cap',
  ],
  [
    'no heartbeats',
    'src/comm/zeromq/settings.js',
    /heartbeat\w+: \d+,/g,
    '',
    ['unit/comm/liveness'],
    'by heartbeats alone',
  ],
  [
    'peers that never shake hands keep their connection',
    'src/comm/zeromq/settings.js',
    'handshakeInterval: 5000,',
    'handshakeInterval: 0,',
    ['unit/comm/liveness'],
    'never shake hands',
  ],
  [
    'immediate: false',
    'src/comm/zeromq/dealer.js',
    'immediate: true',
    'immediate: false',
    ['unit/comm/liveness'],
    'before somebody listens',
  ],
  [
    'a second reply overwrites the first',
    'src/client/links/attempt.js',
    'if (this.outcome !== undefined)\n            return',
    'if (false)\n            return',
    ['unit/client/links/task'],
  ],
  [
    'a task that has its reply is kept, and sent again',
    'src/client/links/connection.js',
    'this.#sent.delete(reply.id);',
    '',
    ['unit/client/links/connection'],
    'is not sent again',
  ],
  [
    'the next task may write into a result on its way',
    'engines/queue/task-loop.js',
    'if (!body.some((part) => part.byteLength > LARGE_BYTES))',
    'if (true)',
    ['cluster/chaos/delivery'],
    'the next task',
  ],
  [
    'an interrupt by id ends another task',
    'engines/control/control-requests.js',
    '(ids?.includes(task) ?? true)',
    'true',
    ['unit/engines/control'],
  ],
  [
    'an engine that counts as dead is not ended',
    'src/cluster/cluster.js',
    "this.#signal('SIGKILL', [id]);",
    'void 0;',
    ['cluster/chaos/faults'],
    '5. SIGSTOP, shorter',
  ],
  [
    'a dead incarnation comes back',
    'src/cluster/roster/roster.js',
    'if (over !== undefined)',
    'if (false)',
    ['unit/cluster/roster'],
  ],
  [
    'an engine stays when its launcher is gone',
    'engines/control/stdin.js',
    /stdin\.on\('(end|close|error)', ended\);/g,
    '',
    ['cluster/chaos/faults'],
    '12. SIGKILL of the controller',
  ],
  [
    'dead peers are never probed',
    'src/comm/hub.js',
    'peer.link.probe();',
    'void 0;',
    ['unit/comm/link', 'cluster/comm/processes'],
    'killed in mid transfer',
  ],
  [
    'the credit window is not kept',
    'src/comm/outbox.js',
    'this.#inFlightBytes + bytes <= this.#limits.windowBytes',
    'true',
    ['unit/comm/link'],
  ],
  [
    'a lost packet is not noticed',
    'src/comm/inbox.js',
    'if (sequence !== this.#sequence)',
    'if (false)',
    ['unit/comm/link'],
  ],
  [
    'a task whose result was dropped runs again',
    'engines/queue/task-queue.js',
    'this.#kept.whyForgotten(message.id);',
    'undefined;',
    ['unit/engines/queue/task-queue'],
  ],
  [
    'a link that connects again counts as the same',
    'src/comm/zeromq/dealer.js',
    'if (this.#connected)\n            void this.#drain();\n        this.#connected = true;',
    'this.#connected = true;',
    ['unit/comm/liveness'],
    'connected a second time',
  ],
  [
    'answers wait for a party that does not read',
    'src/cluster/roster/followers.js',
    'return party.pendingBytes <= MAX_UNREAD;',
    'return true;',
    ['unit/cluster/agent/agents'],
  ],
  [
    'bad engine: displays without end are kept',
    'src/client/links/attempt.js',
    'this.#outputs.length > KEPT_BUNDLES',
    'false',
    ['cluster/hostile/bad-engine'],
    'text, displays and data',
  ],
  [
    'bad engine: bytes of displays have no bound',
    'src/client/links/attempt.js',
    'this.#bytesShown > KEPT_BUNDLE_BYTES',
    'false',
    ['unit/client/links/task'],
    'output without end',
  ],
  [
    'bad engine: text without end is kept',
    'src/client/links/attempt.js',
    'text.length > 2 * KEPT_CHARACTERS',
    'false',
    ['unit/client/links/task'],
    'output without end',
  ],
  [
    'bad engine: keys of published data have no bound',
    'src/client/links/attempt.js',
    'if (surplus > 0)',
    'if (false)',
    ['cluster/hostile/bad-engine'],
    'text, displays and data',
  ],
  [
    'bad engine: published keys pollute',
    'src/client/links/attempt.js',
    'put(this.#data, key, data[key]);',
    'this.#data[key] = data[key];',
    ['cluster/hostile/bad-engine'],
    'text, displays and data',
  ],
  [
    'bad engine: it gets a body as often as it asks',
    'src/client/links/connection.js',
    'sent.needs++ >= MAX_NEEDS',
    'false',
    ['cluster/hostile/bad-engine'],
    'no more than a few times',
  ],
  [
    'bad engine: functions that JavaScript would call come through',
    'src/protocol/values/value-deserializer.js',
    'if (hook !== undefined)',
    'if (false)',
    ['cluster/hostile/bad-engine'],
    "a function 'toJSON'",
  ],
  [
    'bad engine: functions of any size',
    'src/protocol/values/functions.js',
    'if (source.length > MAX_SOURCE)',
    'if (false)',
    ['cluster/hostile/bad-engine'],
    'a function of 5 MB',
  ],
  [
    'bad engine: causes without end',
    'src/protocol/values/wire-error.js',
    "if (where.split('.cause').length > MAX_CAUSES_READ + 1)",
    'if (false)',
    ['cluster/hostile/bad-engine'],
    '40 causes',
  ],
  [
    'bad engine: a map of another number of items',
    'src/client/links/reply-values.js',
    '!Array.isArray(values) || values.length !== size',
    'false',
    ['cluster/hostile/bad-engine'],
    'map: two items',
  ],
  [
    'bad engine: errors of items that are not there',
    'src/client/links/reply-values.js',
    'if (stray !== undefined)',
    'if (false)',
    ['cluster/hostile/bad-engine'],
    'an error of item 7',
  ],
  [
    'bad engine: a display that is no text',
    'src/client/links/reply-values.js',
    "if (Object(bundle['text/plain']) === bundle['text/plain'])",
    'if (false)',
    ['cluster/hostile/bad-engine'],
    'whose text is an object',
  ],
  [
    'bad engine: terminals obey what it calls itself',
    'src/protocol/fields.js',
    ".replace(/\\p{Cc}/gu, ' ')",
    '',
    ['cluster/hostile/bad-engine'],
    'what it tells of itself',
  ],
];

/** The built tree, on its own. */
function copy() {
  const scratch = mkdtempSync(join(tmpdir(), 'dv-mutants-'));
  const shared = readdirSync(ROOT).filter((name) => name !== 'dist' && !name.startsWith('.'));
  for (const name of shared) symlinkSync(join(ROOT, name), join(scratch, name));
  // Not a link: imports of the package by its name end in the folder of package.json.
  rmSync(join(scratch, 'package.json'));
  cpSync(join(ROOT, 'package.json'), join(scratch, 'package.json'));
  cpSync(join(ROOT, 'dist'), join(scratch, 'dist'), { recursive: true });
  return scratch;
}

/** How many of these tests fail. @throws Error where none was run */
function failures(scratch, tests, grep) {
  const runner = ['--enable-source-maps', 'dist/test/run.js', ...tests, ...(grep === '' ? [] : ['--grep', grep])];
  const env = { ...process.env, TEST_LIMIT_MS: '60000' };
  const { stdout } = spawnSync(process.execPath, runner, { cwd: scratch, encoding: 'utf8', env });
  const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(stdout) ?? [];
  if (passed === undefined || Number(passed) + Number(failed) === 0) throw new Error(`${tests} ${grep}: ${stdout}`);
  return Number(failed);
}

/** The file with and without the piece. @throws Error where the text is not in the file */
function texts([name, file, from, to]) {
  const before = readFileSync(join(ROOT, 'dist', file), 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${name}: its text is not in ${file} any more`);
  return { before, after };
}

/** True where the tests notice. */
function isCaught(scratch, mutant) {
  const [name, file, , , tests, grep = ''] = mutant;
  const path = join(scratch, 'dist', file);
  const { before, after } = texts(mutant);
  if (failures(scratch, tests, grep) > 0) throw new Error(`${name}: its tests fail without it`);
  writeFileSync(path, after);
  try {
    const { status, stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    return failures(scratch, tests, grep) > 0;
  } finally {
    writeFileSync(path, before);
  }
}

const isCheck = process.argv[2] === '--check';
const wanted = isCheck ? '' : (process.argv[2] ?? '');
const chosen = MUTANTS.filter(([name]) => name.includes(wanted));
// All of them first: a run takes minutes.
for (const mutant of chosen) texts(mutant);
if (isCheck) process.exit();
const scratch = copy();
let caught = 0;
try {
  for (const mutant of chosen) {
    const since = performance.now();
    const found = isCaught(scratch, mutant);
    if (found) caught++;
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    console.log(`${found ? 'caught  ' : 'SURVIVED'} ${mutant[0]} (${mutant[4].join(', ')}, ${seconds} s)`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`caught ${caught} of ${chosen.length}`);
process.exitCode = caught === chosen.length ? 0 : 1;
