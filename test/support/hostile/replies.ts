// The replies of an engine that has gone bad, by name, and what a client must make of each.
import type { Parts } from '../../../src/comm/transport.ts';
import { encodeBody } from '../../../src/protocol/codec.ts';
import { encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { TaskId, TasksOutbound } from '../../../src/protocol/messages.ts';
import { KIND } from '../../../src/protocol/values/wire-kinds.ts';
import { claiming, fn, forged, nested, object, tensor } from './forge.ts';

/** A task that waits for its hostile reply. */
export interface Asked {
  readonly id: TaskId;
  /** The second argument of the call. */
  readonly more: unknown;
  /** Bodies that the client has sent for that task, the task's own included. */
  readonly bodies: (task: unknown) => number;
  readonly send: (parts: Parts) => void;
}

/** One reply. */
export interface HostileReply {
  readonly name: string;
  /** The error of the call, or `value`: it is a value all the same. */
  readonly expected: RegExp | 'value';
  readonly answer: (asked: Asked) => void | Promise<void>;
}

const times = { started: 1, completed: 2, stdout: '', stderr: '' };
const ok = (id: TaskId) => ({ type: 'reply', id, status: 'ok', metadata: times }) as const;

/** A well formed reply with this body. */
export const body = (id: TaskId, ...parts: readonly Uint8Array[]): Parts => encodeMessage(ok(id), parts);
/** A header that no encoder of ours writes. */
const json = (header: object): Parts => [Buffer.from(JSON.stringify({ v: 1, ...header }))];
const output = (id: TaskId, more: Partial<Extract<TasksOutbound, { type: 'output' }>>, value?: unknown): Parts =>
  encodeMessage({ type: 'output', id, stream: 'stdout', ...more }, value === undefined ? [] : encodeBody(value));

const RUN = '() => { globalThis.PWNED = true; return "pwned"; }';
const polluting = () =>
  JSON.parse(
    '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "a": [{"__proto__": {"polluted": 1}}]}',
  );

/** A reply with one body. */
const value = (name: string, expected: HostileReply['expected'], ...parts: readonly Uint8Array[]): HostileReply => ({
  name,
  expected,
  answer: ({ id, send }) => send(body(id, ...parts)),
});

/** A failed reply with this error. */
const error = (name: string, expected: RegExp, wire: object): HostileReply => ({
  name,
  expected,
  answer: ({ id, send }) =>
    send(json({ ...ok(id), status: 'error', error: { name: 'Error', message: '', stack: '', ...wire } })),
});

// Written as an expression: the linter takes an object with this name for a mistake.
const THEN = 'then';
const UNREAD = /cannot be read/;

const HOOKS = ['then', 'toJSON', 'toString', 'valueOf'].flatMap((hook) => [
  value(
    `a function '${hook}' in the value`,
    new RegExp(`cannot be read: .*'${hook}', which JavaScript would call`),
    forged((host) => ({ [hook]: host(fn(RUN)) })),
  ),
  value(
    `a function '${hook}' deep in it`,
    new RegExp(`'${hook}'`),
    forged((host) => [new Map([[1, new Set([{ a: { [hook]: host(fn(RUN)) } }])]])]),
  ),
]);

const FORGED: readonly HostileReply[] = [
  value(
    'a function, and a class with static code',
    'value',
    forged((host) => [host(fn(RUN)), host(fn('class { static { globalThis.PWNED = true } static then() {} }'))]),
  ),
  value(
    'a text in place of a function',
    /cannot be read: SyntaxError/,
    forged((host) => host(fn('globalThis.PWNED = true'))),
  ),
  value(
    'a function of 5 MB',
    /over 4 MiB/,
    forged((host) => host(fn(`() => '${'x'.repeat(5e6)}'`))),
  ),
  value(
    'a module function of a file, and a reference',
    'value',
    forged((host) => [
      host(object(KIND.module, 'file:///etc/passwd', 'default')),
      host(object(KIND.ref, 'globalThis.PWNED = true')),
    ]),
  ),
  value(
    'a URL that is none',
    UNREAD,
    forged((host) => host(object(KIND.url, 'http://'))),
  ),
  value(
    'an object of a kind that nobody knows',
    UNREAD,
    forged((host) => host(object(99, 'x'))),
  ),
  value(
    'an array of a kind that nobody knows',
    UNREAD,
    forged((host) => host(object(KIND.view, 99, 0, 0))),
  ),
  value(
    'an array in a part that is not there',
    UNREAD,
    forged((host) => host(object(KIND.view, 0, 1_000_000_000))),
  ),
  value(
    'an array of 4 GB in a body of 20 bytes',
    UNREAD,
    forged((host) => host(object(KIND.view, 0, 0, 0xffffffff))),
  ),
  value(
    'an array whose bytes do not divide',
    UNREAD,
    forged((host) => host(object(KIND.view, 8, 1))),
    new Uint8Array(12),
  ),
  ...[
    ['float32', -1],
    ['float32', 2 ** 31, 2 ** 31],
    ['float32', Number.NaN],
    ['float32', '2'],
    ['float32', 3],
    ['float32', 2 ** 53],
    ['__proto__', 2],
    [{}, 2],
    'float32',
    [],
  ].map((head) =>
    value(
      `a tensor of ${JSON.stringify(head)} with 8 bytes`,
      UNREAD,
      forged((host) => host(tensor(head, 8))),
    ),
  ),
  value('arrays in arrays, 200,000 deep', UNREAD, nested(200_000)),
  value('an array that claims 4 billion items', UNREAD, claiming('A')),
  value('an array of 4 billion holes', 'value', claiming('a')),
  value('keys that pollute', 'value', forged(polluting)),
  value(
    'a value that contains itself',
    'value',
    forged(() => {
      const a: unknown[] = [];
      return a.push(a, { a }) && a;
    }),
  ),
  value(
    'an expression that takes for ever to match',
    'value',
    forged(() => /(a+)+$/),
  ),
];

const ERRORS: readonly HostileReply[] = [
  error('an error of 3 MB', /x{1000}/, { message: 'x'.repeat(3e6), stack: 'y'.repeat(5e5) }),
  error('an error of 5 MB', UNREAD, { message: 'x'.repeat(5e6) }),
  error('an error called __proto__', /boo/, { name: '__proto__', message: 'boo' }),
  error('an error called constructor', /boo/, { name: 'constructor', message: 'boo' }),
  error('fields that cannot be read', /boo/, { message: 'boo', fields: ['%%%', 'AAAA'] }),
  error('fields with a function', /boo/, {
    message: 'boo',
    fields: [Buffer.from(forged((host) => ({ [THEN]: host(fn(RUN)), toString: host(fn(RUN)) }))).toString('base64')],
  }),
  error('a thrown value with functions', /boo/, {
    message: 'boo',
    value: [Buffer.from(forged((host) => ({ [THEN]: host(fn(RUN)) }))).toString('base64')],
  }),
  error(
    'an error with 40 causes',
    UNREAD,
    Array.from({ length: 40 }).reduce<object>(
      (cause) => ({ cause: { name: 'Error', message: 'boo', stack: '', ...cause } }),
      {},
    ),
  ),
];

const FLOWS: readonly HostileReply[] = [
  {
    name: 'the same reply a thousand times, and output after it',
    expected: 'value',
    answer: ({ id, send }) => {
      for (let n = 0; n < 1000; n++) send(body(id, ...encodeBody('first')));
      send(output(id, { text: 'late' }));
      send(encodeMessage({ type: 'need', id }));
      send(json({ ...ok(id), status: 'error' }));
    },
  },
  {
    name: "replies and output to others' tasks",
    expected: 'value',
    answer: ({ id, more, send }) => {
      for (const other of more as TaskId[]) {
        send(body(other, ...encodeBody('stolen')));
        send(output(other, { text: 'stolen' }));
        send(encodeMessage({ type: 'need', id: other }));
        send(encodeMessage({ type: 'dropped', id: other, reason: 'stolen' }));
      }
      send(body(id, ...encodeBody('first')));
    },
  },
  {
    name: 'requests for the body without end',
    expected: 'value',
    answer: ({ id, send }) => {
      for (let n = 0; n < 5000; n++) send(encodeMessage({ type: 'need', id }));
      send(body(id, ...encodeBody('first')));
    },
  },
  {
    // The answers to what it asked before come ahead of this task.
    name: 'how many bodies came for an earlier task',
    expected: 'value',
    answer: ({ id, more, bodies, send }) => send(body(id, ...encodeBody(bodies(more)))),
  },
  {
    name: 'text, displays and data without end',
    expected: 'value',
    answer: ({ id, send }) => {
      const text = 'x'.repeat(60_000);
      for (let n = 0; n < 600; n++) send(output(id, { text }));
      for (let n = 0; n < 12_000; n++) send(output(id, { stream: 'display' }, { 'text/plain': 'x' }));
      const keys = Object.fromEntries(Array.from({ length: 12_000 }, (_, n) => [`k${n}`, n]));
      send(output(id, { stream: 'data' }, keys));
      send(encodeMessage({ type: 'output', id, stream: 'data' }, [forged(polluting)]));
      send(body(id, ...encodeBody('first')));
    },
  },
  ...([null, 5, [1], 'text'] as const).map((bundle) => ({
    name: `a display of ${JSON.stringify(bundle)}`,
    expected: UNREAD,
    answer: ({ id, send }: Asked) => {
      send(output(id, { stream: 'display' }, bundle));
    },
  })),
  {
    name: 'a display whose text is an object',
    expected: UNREAD,
    answer: ({ id, send }) => send(output(id, { stream: 'display' }, { 'text/plain': { a: 1 } })),
  },
  {
    name: 'published data that is a list',
    expected: UNREAD,
    answer: ({ id, send }) => send(output(id, { stream: 'data' }, [1])),
  },
  {
    name: 'a task for the client',
    expected: UNREAD,
    answer: ({ id, send }) => send(json({ type: 'task', id, to: 'you', method: 'apply', label: 'apply' })),
  },
  {
    name: 'a reply that is for nobody, then the right one',
    expected: 'value',
    answer: ({ id, send }) => {
      send(body('nobody:1', ...encodeBody(1)));
      send(body(id, ...encodeBody('first')));
    },
  },
];

/** Replies to `apply`. */
export const REPLIES: readonly HostileReply[] = [...HOOKS, ...FORGED, ...ERRORS, ...FLOWS];

/** Replies to a map over three items. */
export const MAP_REPLIES: readonly HostileReply[] = [
  value(
    'four billion holes',
    /must have 3 items/,
    forged(() => {
      const values: unknown[] = [];
      values.length = 2 ** 32 - 1;
      return { values, errors: [] };
    }),
  ),
  value(
    'two items',
    /must have 3 items/,
    forged(() => ({ values: [1, 2], errors: [] })),
  ),
  value(
    'no list',
    /must have 3 items/,
    forged(() => ({ values: { length: 3 }, errors: [] })),
  ),
  value(
    'nothing',
    /must be an object/,
    forged(() => undefined),
  ),
  value(
    'an error of item 7',
    /item 7 of 3/,
    forged(() => ({ values: [1, 2, 3], errors: [[7, { name: 'E', message: '', stack: '' }]] })),
  ),
  value(
    'an error of item __proto__',
    /whole number/,
    forged(() => ({ values: [1, 2, 3], errors: [['__proto__', { name: 'E', message: '', stack: '' }]] })),
  ),
  value(
    'an error that is none',
    /must be an object/,
    forged(() => ({ values: [1, 2, 3], errors: [[0, 5]] })),
  ),
  value(
    'four errors',
    /one for each item/,
    forged(() => ({ values: [1, 2, 3], errors: [0, 1, 2, 3] })),
  ),
];

/** Replies to an execute that is not silent. */
export const EXECUTE_REPLIES: readonly HostileReply[] = [
  value(
    'text that is an object with a function',
    /'toString'/,
    forged((host) => ({ executionCount: 1, data: { 'text/plain': { toString: host(fn(RUN)) } } })),
  ),
  value(
    'text that is a function',
    /must be text/,
    forged((host) => ({ executionCount: 1, data: { 'text/plain': host(fn(RUN)) } })),
  ),
  value(
    'a count that is none',
    /executionCount/,
    forged(() => ({ executionCount: 'x', data: null })),
  ),
  value(
    'a bundle that is none',
    /must be an object/,
    forged(() => ({ executionCount: 1, data: 7 })),
  ),
  value(
    'a number',
    /must be an object/,
    forged(() => 7),
  ),
];
