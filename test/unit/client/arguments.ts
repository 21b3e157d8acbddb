// Every public function refuses what it does not take, by name, and before anything is sent. The functions come from
// what the package exports, their parameters and options from their signatures, and the wrong values from the tables below.
import * as directview from 'directview';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { type Check, closest, rulesOf } from '../../../src/util/checks.ts';
import { type Signature, signatureOf } from '../../../src/util/signature.ts';
import { typedFunctions } from '../../support/architecture/public-types.ts';
import { rejects } from '../../support/assert.ts';
import { fakeResult, fakeTask } from '../../support/fake-tasks.ts';
import { type AnyFunction, type Callee, callees, FREE } from '../../support/public-functions.ts';
import { suite } from '../../support/suite.ts';

const test = suite('client/arguments');

const NOT_NUMBERS: readonly unknown[] = ['5', true, null, {}, [1]];
const NOT_TEXTS: readonly unknown[] = [5, true, null, {}, ['a']];
const NOT_FLAGS: readonly unknown[] = ['yes', 'no', 1, 0, null, {}];
const NOT_FUNCTIONS: readonly unknown[] = [5, 'f', null, {}, [() => 1]];
const NOT_OPTIONS: readonly unknown[] = [5, 'text', true, null, [], [{}], new Map([['timeout', 5]]), () => 1];
const NOT_MS = [...NOT_NUMBERS, Number.NaN, -1];
const NOT_COUNTS = [...NOT_NUMBERS, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY];
const NOT_SIGNALS: readonly unknown[] = [5, 'SIGINT', null, {}, new AbortController()];
const NOT_SINKS: readonly unknown[] = [5, 'stderr', null, {}, { write: 5 }];
const NOT_WHOLE = [...NOT_NUMBERS, 1.5, Number.NaN];
/** Wrong places of a tensor with one axis. */
const NOT_PLACES: readonly unknown[] = [
  '5',
  true,
  null,
  {},
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  [0, 0],
  ['0'],
  [0.5],
  [null],
];

/** Wrong values of each option, whatever function takes it. */
const WRONG_OPTIONS: Readonly<Record<string, readonly unknown[]>> = {
  all: NOT_FLAGS,
  alpha: ['x', true, {}],
  as: [...NOT_TEXTS, ''],
  atol: [...NOT_NUMBERS, -1, Number.NaN],
  after: [5, null, {}, [5]],
  block: NOT_FLAGS,
  border: ['x', 5, null],
  brk: NOT_FLAGS,
  captions: NOT_FLAGS,
  channels: ['x', 5, null],
  chunkSize: [...NOT_COUNTS, 0, 'automatic'],
  client: [5, null, {}],
  columns: ['x', null],
  color: NOT_TEXTS,
  concurrency: [...NOT_COUNTS, 0],
  constants: [5, 'x', [1], null],
  copy: NOT_FLAGS,
  csv: [5, '', null],
  cwd: [5, null, '/there/is/no/such/folder', import.meta.filename],
  deathTimeout: NOT_MS,
  depth: [true, null, {}],
  device: ['gpu', 5, null],
  display: NOT_FUNCTIONS,
  dist: ['x', 5, null, {}],
  draw: [5, null, { colour: 'red' }],
  drawTo: NOT_TEXTS,
  dtype: ['float128', 5, null, {}],
  echo: ['all', true, null],
  endings: ['.png', [5], null],
  engines: [...NOT_COUNTS, 0],
  entry: NOT_TEXTS,
  env: [{ A: 5 }, 'A=5', [], null, new Map()],
  eps: ['x', null],
  equalNan: NOT_FLAGS,
  exclude: ['*.png', [5], null],
  excludeBorder: ['yes', null],
  extensions: ['.png', [5], null],
  failure: NOT_FLAGS,
  flatten: NOT_FLAGS,
  follow: [5, null, {}, [5]],
  format: ['bmp', 5, null],
  frames: NOT_FLAGS,
  functions: [5, () => 1, null],
  gpu: [...NOT_COUNTS, 'x', 'GPU', 'GPU-', 'TPU-8a6f0c31', 'GPU-8a6f 0c31', `GPU-${'a'.repeat(100)}`],
  grace: NOT_MS,
  groupBy: ['x', 5, null],
  groupOutputs: ['x', 5, null],
  hidden: NOT_FLAGS,
  html: [5, '', null],
  hwm: [...NOT_COUNTS, 'none'],
  ids: ['c:1', [5], null],
  include: ['*.png', [5], null],
  inspect: ['yes', 1, null, [], { brk: 1 }, { port: 1 }],
  interrupt: NOT_FLAGS,
  interval: NOT_MS,
  into: [5, 'not a name', null, '', 'class'],
  json: [5, '', null],
  k: ['x', null],
  label: [...NOT_TEXTS, '', 'x'.repeat(1001)],
  lenient: NOT_FLAGS,
  like: ['x', 5, null],
  loopMaxIterations: [...NOT_COUNTS, 0],
  marks: [5, 'x', null],
  markSize: ['x', null],
  maxOutstanding: [...NOT_COUNTS, 'none'],
  maxPixels: ['x', null],
  maxSize: ['x', null],
  method: ['x', 5, null],
  minDistance: ['x', null],
  name: [...NOT_TEXTS],
  names: ['a', 5, [5], null],
  numPeaks: ['x', null],
  onEvent: NOT_FUNCTIONS,
  onProgress: NOT_FUNCTIONS,
  onRecord: NOT_FUNCTIONS,
  options: NOT_OPTIONS,
  on: ['x', 5, null],
  ordered: NOT_FLAGS,
  output: [5, 'x', [], [0], [1.5], [1, 2, 3, 4], null],
  out: [5, '', null],
  outputLike: NOT_TEXTS,
  overwrite: NOT_FLAGS,
  outside: ['x', 5, null],
  page: ['x', null],
  params: [5, 'x', null],
  path: NOT_TEXTS,
  plan: ['spiral', 5, null],
  port: [...NOT_COUNTS, 65_536],
  transposeA: [5, 'yes', null],
  transposeB: [5, 'yes', null],
  priority: [...NOT_NUMBERS, Number.NaN],
  progressAfter: [...NOT_NUMBERS, -2, Number.NaN],
  quality: ['x', null],
  read: [5, null, { page: 'x' }],
  ranks: ['x', 5, null, ['0']],
  refined: [5, 'x', null],
  refinedColor: NOT_TEXTS,
  resize: ['x', null],
  resultOrder: ['x', 5, null],
  retries: NOT_COUNTS,
  retryFailed: NOT_FLAGS,
  root: NOT_NUMBERS,
  'batch root': [5, '', null],
  returnErrors: NOT_FLAGS,
  returnWhen: ['ALL', 5, null],
  rtol: [...NOT_NUMBERS, -1, Number.NaN],
  runTimeout: [...NOT_MS, 0],
  shape: [5, 'float32', null],
  sheet: [5, '', null],
  side: ['x', null],
  sigma: ['x', null],
  signal: NOT_SIGNALS,
  silent: NOT_FLAGS,
  skipExisting: NOT_FLAGS,
  seed: [...NOT_WHOLE, -1],
  softwareGpu: NOT_FLAGS,
  startTimeout: NOT_MS,
  restart: [-1, 1.5, '2', true, { tims: 1 }],
  stderr: NOT_SINKS,
  stdout: NOT_SINKS,
  stream: NOT_FLAGS,
  subpix: [5, true, null, { alpah: 0.9 }, { windowSize: 'x' }],
  success: NOT_FLAGS,
  tag: NOT_TEXTS,
  targets: ['x', null, 1.5, {}, [0.5], 99],
  tasks: NOT_FLAGS,
  tf: [5, 'tf', null],
  threads: [...NOT_COUNTS, 0],
  thresholdAbs: ['x', {}],
  thresholdRel: ['x', {}],
  thumbnail: ['x', null],
  timeout: [...NOT_MS, '5000'],
  launcher: [5, null, 'slrum', {}, { kind: 'slrum' }, { start() {} }],
  min: [...NOT_COUNTS, 0],
  gang: NOT_FLAGS,
  shareGpu: NOT_FLAGS,
  listen: [
    5,
    null,
    'udp',
    'tcp://0.0.0.0',
    'tcp://host.example',
    'tcp://10.0.0.5:80',
    {},
    { address: 'tcp://10.0.0.5', port: 1 },
    { interface: 5 },
    { interface: 'eth0', address: 'tcp://10.0.0.5' },
    { interface: 'eth0', ports: [7001, 7000] },
    { ports: [7000, 7001] },
  ],
  transport: [5, null, 'udp'],
  verbose: NOT_FLAGS,
  via: ['pigeon', 5, null],
  vitals: [5, null, { intervall: 5 }, { dead: '5' }],
  max: [0, -1, 1.5, '5', null],
  patience: [-1, '5', null],
  target: [-1, '5', null],
  windowSize: ['x', null],
};

/** A good value of each parameter, its wrong values, and words of errors that do not name it. */
const PARAMETERS: Readonly<Record<string, { good: unknown; wrong: readonly unknown[]; says?: RegExp }>> = {
  a: { good: [[1]], wrong: [] },
  axes: { good: [0], wrong: [5, 'x', null, {}, [1], [0, 0], [], ['0'], [0.5]], says: /axis/ },
  axis: { good: 0, wrong: [...NOT_WHOLE, 1, -2] },
  b: { good: [[1]], wrong: [] },
  begin: { good: 0, wrong: NOT_PLACES },
  cluster: {
    good: { controller: 'memory://x', clusterId: 'x' },
    wrong: [5, true, null, '', {}, [], new Map(), () => 1, { controller: 5 }, { info: {} }, { info: null }],
    says: /cluster/,
  },
  code: { good: '1', wrong: NOT_TEXTS },
  data: { good: { done: 1 }, wrong: [5, 'x', null, [1], new Map()] },
  corners: { good: [], wrong: [5, 'x', null, {}] },
  dtype: { good: 'float32', wrong: [5, 'float128', null] },
  end: { good: 1, wrong: NOT_PLACES },
  expression: { good: 'a', wrong: [...NOT_TEXTS, ' '], says: /ref wants/ },
  file: { good: import.meta.filename, wrong: NOT_TEXTS },
  fn: { good: (x: unknown) => x, wrong: NOT_FUNCTIONS },
  folder: { good: 'profiles', wrong: [...NOT_TEXTS, ''] },
  format: { good: 'png', wrong: ['bmp', 5, null] },
  from: { good: 3, wrong: NOT_WHOLE, says: /range/ },
  hi: { good: 1, wrong: NOT_WHOLE },
  id: { good: 0, wrong: NOT_COUNTS },
  ids: { good: [0], wrong: ['0', null, {}, [1.5], ['0']] },
  image: { good: directview.tensor([[1]]), wrong: [5, 'x', null, {}] },
  index: { good: 0, wrong: NOT_COUNTS },
  indices: { good: [0], wrong: [5, 'x', null, {}] },
  job: { good: { path: 'x', options: {} }, wrong: [5, null, {}, [], 1.5] },
  jobs: { good: [], wrong: [null, {}, 1.5, true, [null], [1.5]] },
  listener: { good: () => {}, wrong: NOT_FUNCTIONS },
  lo: { good: 0, wrong: NOT_WHOLE },
  ms: { good: 1, wrong: [...NOT_NUMBERS, Number.NaN] },
  n: { good: 1, wrong: [...NOT_COUNTS] },
  name: { good: 'a', wrong: [5, null, '', {}, ['a']], says: /identifier|name/ },
  names: { good: ['a'], wrong: [5, null, {}, true], says: /names/ },
  ns: {
    good: { a: 1 },
    wrong: [
      5,
      'a',
      null,
      [1],
      new Map([['a', 1]]),
      new Set(['a']),
      { [Symbol('a')]: 1 },
      { class: 1 },
      { 'a-b': 1 },
      directview.tensor([1]),
    ],
    says: /push wants|identifier|word of the language/,
  },
  options: { good: {}, wrong: NOT_OPTIONS, says: /options|an object such as|dtype/ },
  other: { good: directview.tensor([1]), wrong: [5, null, [1], {}] },
  operation: { good: 'corners', wrong: [5, null, {}, ''] },
  parts: { good: { part: (x: number) => x }, wrong: [5, 'x', null, () => 1], says: /parts/ },
  path: { good: 'x.png', wrong: NOT_TEXTS },
  picture: { good: new Uint8Array(1), wrong: [5, 'x', null, {}] },
  pictures: { good: [], wrong: [5, null, {}] },
  tiles: { good: [], wrong: [5, 'x', null, {}] },
  predicate: { good: () => true, wrong: NOT_FUNCTIONS },
  response: { good: directview.tensor([[1]]), wrong: [5, 'x', null, {}] },
  sequence: {
    good: [1],
    wrong: [5, null, undefined, () => 1, [1][Symbol.iterator](), { length: 1, 0: 1 }],
    says: /length/,
  },
  settings: {
    good: { output: [1] },
    wrong: [5, 'x', null, [], {}, { output: [1], outputLike: 'x' }],
    says: /settings|output/,
  },
  shape: { good: [1], wrong: [5.5, 'float32', null, true, { shap: [1] }], says: /shape|dtype|option/ },
  side: { good: 5, wrong: [...NOT_COUNTS, 0] },
  signal: { good: new AbortController().signal, wrong: [5, 'SIGNAL', null, {}] },
  source: { good: 'x.png', wrong: [5, null, {}, ['x']] },
  specifier: { good: 'node:fs', wrong: [...NOT_TEXTS, ''] },
  op: { good: 'sum', wrong: [] },
  rank: { good: 0, wrong: NOT_NUMBERS },
  step: { good: 1, wrong: NOT_WHOLE, says: /range/ },
  strides: { good: 1, wrong: [...NOT_PLACES, 0, [0]] },
  tag: { good: 'tag', wrong: NOT_TEXTS },
  targets: { good: [0], wrong: ['x', null, 1.5, {}, [0.5], 99], says: /key by int|No such engine/ },
  task: { good: 1, wrong: [] },
  tf: { good: {}, wrong: [5, 'tf', null] },
  to: { good: 3, wrong: NOT_WHOLE, says: /range/ },
  url: { good: 'package', wrong: [...NOT_TEXTS, '', './x.js'], says: /fromModule/ },
  value: { good: [1], wrong: [] },
  values: { good: [1], wrong: [] },
  view: { good: undefined, wrong: [[[1]], null, {}, 5] },
  where: { good: '.', wrong: NOT_TEXTS },
};

/** Parameters that have another good value in one function. */
const GOOD: Readonly<Record<string, unknown>> = {
  'tensor.reshape shape': [-1],
  'tensor.map fn': () => 1,
  'Client.getResult jobs': [],
  'view.getResult job': 'x',
  'cluster.signal signal': 'SIGUSR1',
  'encodePicture picture': directview.tensor([[1]]),
  'writePicture picture': directview.tensor([[1]]),
  'view.kernelMap fn': function kernel(this: { thread: { x: number } }) {
    return this.thread.x;
  },
  'view.kernel fn': function kernel(this: { thread: { x: number } }) {
    return this.thread.x;
  },
};

/** Values that are wrong for one function alone. */
const WRONG: Readonly<Record<string, { values: readonly unknown[]; says: RegExp }>> = {
  'tensor value': { values: ['x', null, {}, undefined, new Map()], says: /tensor holds/ },
};

/** Wrong values that one function takes. */
const TAKEN: Readonly<Record<string, readonly unknown[]>> = {
  'Cluster.start options': [5],
};

const parametersOf = ({ required, optional }: Signature): [string, Check][] =>
  Object.entries({ ...required, ...optional });

/** The error of a call; undefined where the call was made. */
async function errorOf({ fn, owner }: Callee, args: readonly unknown[]): Promise<unknown> {
  try {
    const value = fn.apply(owner, [...args]);
    if (!(value instanceof Promise)) return undefined;
    return await Promise.race([value.then(() => undefined), new Promise((resolve) => setTimeout(resolve, 20))]);
  } catch (error) {
    return error;
  }
}

function isRefusal(error: unknown, name: string, says: RegExp | undefined): boolean {
  if (!(error instanceof TypeError || error instanceof RangeError || error instanceof directview.NotSerializableError))
    return false;
  return error.message.includes(name) || says?.test(error.message) === true;
}

const shownError = (error: unknown) => (error === undefined ? 'nothing' : String(error));

/** Fields that an object must have beside the option that is tried. */
function needed(path: string, name: string, rc: Client): object {
  if (path === 'batch') return { client: rc };
  return path === 'cornersOfFile' && name === 'job' ? { path: 'x', options: {} } : {};
}

/** Faults of one function: what it takes, or refuses in other words. */
async function faultsOf(callee: Callee, rc: Client): Promise<string[]> {
  const signature = signatureOf(callee.fn);
  if (signature === undefined) return [`${callee.path} has no signature`];
  const parameters = parametersOf(signature);
  const unknown = parameters.map(([name]) => name).filter((name) => !(name in PARAMETERS));
  if (unknown.length > 0) return [`${callee.path}: no wrong values for ${unknown}`];
  const good = parameters.map(([name]) => {
    if (name === 'view') return rc.view([0]);
    if (callee.path === 'batch' && name === 'options') return { client: rc };
    return GOOD[`${callee.path} ${name}`] ?? PARAMETERS[name]?.good;
  });
  const faults: string[] = [];
  const expect = async (what: string, args: readonly unknown[], name: string, says?: RegExp) => {
    const error = await errorOf(callee, args);
    if (!isRefusal(error, name, says)) faults.push(`${callee.path} with ${what}: ${shownError(error)}`);
  };
  if (signature.rest === undefined) await expect('one argument too many', [...good, 'surplus'], "'surplus'");
  for (const [i, [name, check]] of parameters.entries()) {
    const { wrong, says } = PARAMETERS[name] as { wrong: readonly unknown[]; says?: RegExp };
    const taken = TAKEN[`${callee.path} ${name}`] ?? [];
    const put = (value: unknown) => [...good.slice(0, i), value];
    const within = (given: object) => put({ ...needed(callee.path, name, rc), ...given });
    const isRequired = i < Object.keys(signature.required).length;
    const { values: more = [], says: saying = says } = WRONG[`${callee.path} ${name}`] ?? {};
    for (const value of more) await expect(`${name} ${String(value)}`, put(value), name, saying);
    for (const value of wrong) {
      if (value === undefined && !isRequired) continue;
      if (!taken.includes(value)) await expect(`${name} ${String(value)}`, put(value), name, says);
    }
    for (const [option, values] of Object.entries(rulesOf(check) ?? {})) {
      await expect(`${option}s`, within({ [`${option}x`]: 1 }), `'${option}x'`);
      const bad = WRONG_OPTIONS[`${callee.path} ${option}`] ?? WRONG_OPTIONS[option];
      if (bad === undefined) faults.push(`no wrong values for the option ${option}`);
      assert.type(values, 'function');
      for (const value of bad ?? []) {
        await expect(`${option}: ${String(value)}`, within({ [option]: value }), option, PARAMETERS[option]?.says);
      }
    }
  }
  return faults;
}

test('every public function refuses misspelt, wrong and surplus arguments before it sends anything', async () => {
  const { all, silent, rc } = await callees();
  const before = silent.sent;
  const faults: string[] = [];
  for (const callee of all) faults.push(...(await faultsOf(callee, rc)));
  assert.equal(faults, []);
  assert.is(silent.sent, before, 'nothing was sent');
  assert.ok(all.length > 80, `${all.length} functions`);
  await rc.close();
});

/** Calls a method with arguments that its types do not take. */
const called = (owner: object, name: string, ...args: unknown[]) =>
  Reflect.apply(Reflect.get(owner, name) as AnyFunction, owner, args) as Promise<unknown>;

test('what ends something does so whatever it is given, and then refuses it', async () => {
  const { rc } = await callees();
  const executor = rc.executor((x: number) => x);
  await rejects(() => called(executor, 'close', { force: true }), TypeError, /executor\.close takes no arguments/);
  assert.throws(() => executor.run(1), /closed/);
  await rejects(() => called(rc, 'close', 3), TypeError, /client\.close takes no arguments.*3/);
  assert.equal(rc.ids, [], 'it is closed');
  assert.is(signatureOf(directview.Cluster.prototype.stop)?.failure, 'ends');
});

test('what ends something can be a listener', async () => {
  const { rc } = await callees();
  await called(rc, 'close', new Event('abort'));
  await called(rc, 'close', 'SIGTERM', 15);
  await called(rc, 'close', undefined);
});

test('interrupt without a signal, in the call or in its view, is refused by name', async () => {
  const { rc, silent } = await callees();
  const before = silent.sent;
  const { signal } = new AbortController();
  const [view, lview] = [rc.view([0]), rc.loadBalanced()];
  const f = (x: number) => x;
  const calls: (() => unknown)[] = [
    () => view.with({ interrupt: true }),
    () => view.map(f, [1], { interrupt: true }),
    () => view.execute('1', { interrupt: true }),
    () => view.parallel((part: number[]) => part, { interrupt: true })([1]),
    () => view.px.with({ interrupt: true })('1'),
    () => rc.loadBalanced('all', { interrupt: true }),
    () => lview.with({ interrupt: true, signal: undefined }),
    () => lview.map(f, [1], { interrupt: true }),
    () => lview.imap(f, [1], { interrupt: true }),
  ];
  for (const call of calls) assert.throws(call, /interrupt.*no signal/, String(call));
  await rejects(() => rc.executor(f).run(1, { interrupt: true }), TypeError, /interrupt.*no signal/);
  assert.is(silent.sent, before, 'nothing was sent');
  view.with({ signal }).with({ interrupt: true }).map(f, [1], { interrupt: true });
  lview.with({ signal, interrupt: true }).map(f, [1]);
  view.with({ interrupt: false }).execute('1');
  await rc.close();
});

test('a product refuses what its view asks for and it cannot do, and keeps the rest', async () => {
  const { rc } = await callees();
  const { signal } = new AbortController();
  const view = rc.view([0]);
  const views: readonly [string, directview.DirectView][] = [
    ['runTimeout', view.with({ runTimeout: 20 })],
    ['interrupt', view.with({ signal, interrupt: true })],
    ['via', view.with({ via: 'broadcast' })],
    ['via', rc.broadcast([0])],
  ];
  for (const [name, limited] of views) {
    for (const call of [directview.pdot, directview.pdot.plan]) {
      await rejects(() => call(limited, [[1]], [[1]]), TypeError, new RegExp(`'${name}'`));
    }
  }
  const plain = view.with({ runTimeout: Number.POSITIVE_INFINITY, interrupt: false, via: 'direct' });
  assert.is((await directview.pdot.plan(plain, [[1]], [[1]])).kind, 'rows');
  await rejects(() => directview.pdot(view.with({ timeout: 1 }), [[1]], [[1]]), directview.TimeoutError, /./);
  const aborted = view.with({ signal: AbortSignal.abort() });
  await rejects(() => directview.pdot(aborted, [[1]], [[1]]), directview.AbortError, /./);
  await rc.close();
});

test('constructors take no more than they say; what has none that users may call says what to do', () => {
  const made = (Class: unknown, ...args: unknown[]) => Reflect.construct(Class as new () => object, args);
  assert.throws(() => made(directview.Dependency, [], {}, 3), /new Dependency takes 2 at most/);
  assert.throws(() => made(directview.Tensor, 'float32', [1], new Float32Array(1), 'x'), /new Tensor takes 3 at most/);
  assert.throws(() => made(directview.Executor, undefined, undefined, 3), /new Executor takes 2 at most/);
  assert.throws(() => made(directview.Client), /await Client\.connect\(\)/);
  assert.throws(() => made(directview.Cluster, { engines: 4 }), /await Cluster\.start/);
});

test('an endless wait is written as Infinity or as upstream, by a negative number', async () => {
  const task = fakeTask(0);
  const result = fakeResult([task]);
  const waits = [result.wait(Number.POSITIVE_INFINITY), result.wait(-1)];
  task.succeed({ executionCount: 0, data: null });
  assert.equal(await Promise.all(waits), [true, true]);
});

/** The names under which `callees` has the functions of a type. */
const CALLED: Readonly<Record<string, string>> = {
  Client: 'client',
  Cluster: 'cluster',
  DirectView: 'view',
  EngineGlobal: 'engine',
  Executor: 'executor',
  ItemStream: 'stream',
  Kernel: 'kernel',
  KernelControls: 'kernel',
  KernelMap: 'kernel',
  CombinedKernels: 'kernel',
  KernelIntermediate: 'result',
  LoadBalancedView: 'loadBalanced',
  AlreadyDisplayedError: 'CompositeError',
  Pdot: 'pdot',
  PdotResult: 'product',
  PerTargetResult: 'result',
  AsyncResult: 'result',
  PxReply: 'result',
  PxRun: 'px',
  Px: 'px',
  Profile: 'profile',
  Tensor: 'tensor',
  TensorInput: 'tensor',
};

/** Types of functions that users write or bring along, or that tfjs and gpu.js have. */
const OF_USERS = [
  'AgentProgram',
  'EngineHandle',
  'Launcher',
  'BatchOptions',
  'CombiningFunction',
  'ConnectOptions',
  'DisplayOptions',
  'ElementFunction',
  'GpuKernels',
  'InteractiveOptions',
  'KernelFunction',
  'KernelHelperFunction',
  'Operation',
  'PxOptions',
  'PxShowOptions',
  'ReceiveBuffer',
  'StartOptions',
  'StreamOptions',
  'TFLike',
  'TFOps',
  'TFTensor',
  'TFTensorLike',
  'TFTools',
  'TensorFactory',
  'TextSink',
  'TypedKernelFunction',
];

/** Functions that check their arguments in another way, and where that is tested. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  Kernel: 'test/support/cases/kernel.ts: it counts its arguments',
  KernelMap: 'test/support/cases/kernel.ts: it counts its arguments',
  CombinedKernels: 'test/support/cases/kernel-kinds.ts: they are those of its function',
  ParallelFunction: 'below: its arguments are sequences',
  'ParallelFunction.map': 'below: its arguments are sequences',
  Px: 'test/unit/client/px: one text, or a template',
  'BatchPicture.as': 'test/unit/kernels: on engines',
  TensorFunction: 'it is the type of tensor',
  Pdot: 'it is the type of pdot',
  EngineRandom: 'test/unit/engines/globals/random.ts: it is called in loops',
  'EngineRandom.normal': 'test/unit/engines/globals/random.ts: it is called in loops',
  'EngineRandom.integer': 'test/unit/engines/globals/random.ts: it checks for itself',
  'EngineGlobal.random': 'test/unit/engines/globals/random.ts: it is called in loops',
  range: 'test/unit/tensor/convert.ts: its source text travels',
  'DirectView.px': 'px itself',
  ...Object.fromEntries(INTERNAL_OF_TASKS()),
};

// Tasks are looked at; their methods are internal.
function INTERNAL_OF_TASKS(): [string, string][] {
  const names = ['begin', 'attemptEnded', 'attemptSaid', 'onEnd', 'drop', 'settle', 'fail', 'listen'];
  return names.map((name) => [`Task.${name}`, 'internal']);
}

test('every function of a public type is called above, or has a reason', async () => {
  const { all, rc } = await callees();
  const called = new Set(all.map(({ path }) => path));
  const functions = ['dist/src/index.d.ts', 'dist/engines/globals/ambient.d.ts'].flatMap(typedFunctions);
  const isMissed = ({ type, member }: (typeof functions)[number]) => {
    if (OF_USERS.includes(type) || (member !== undefined && (FREE.includes(member) || member.startsWith('__@'))))
      return false;
    const full = member === undefined ? type : `${type}.${member}`;
    const path = member === undefined ? type : `${CALLED[type] ?? type}.${member}`;
    return !called.has(path) && ELSEWHERE[full] === undefined;
  };
  assert.equal(
    functions.filter(isMissed).map(({ type, member }) => `${type}.${member}`),
    [],
  );
  assert.ok(functions.length > 150, `${functions.length} functions`);
  await rc.close();
});

test('a parallel function takes sequences alone', async () => {
  const { rc, silent } = await callees();
  const before = silent.sent;
  const sums = rc.view([0]).parallel((part: number[]) => part);
  for (const wrong of [5, null, { timeout: 5 }, () => 1]) {
    assert.throws(() => Reflect.apply(sums, undefined, [wrong]), TypeError, String(wrong));
    assert.throws(() => Reflect.apply(sums.map, undefined, [[1], wrong]), TypeError, String(wrong));
  }
  assert.throws(() => Reflect.apply(sums, undefined, []), /at least one sequence/);
  assert.throws(() => Reflect.apply(sums.map, undefined, []), /at least one sequence/);
  assert.is(silent.sent, before, 'nothing was sent');
  await rc.close();
});

test('an unknown option is told with the one that is meant', () => {
  assert.is(closest('timout', ['signal', 'timeout', 'runTimeout']), 'timeout');
  assert.is(closest('runtimeout', ['signal', 'timeout', 'runTimeout']), 'runTimeout');
  assert.is(closest('chunk_size', ['chunkSize', 'ordered']), 'chunkSize');
  assert.is(closest('colour', ['signal', 'timeout']), undefined);
});

test.run();
