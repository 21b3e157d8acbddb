// The structure as a test: who imports whom, circles, rooms, docstrings, words, names, casts.
import * as assert from 'uvu/assert';
import { fileCircles, roomCircles } from '../support/architecture/circles.ts';
import {
  crowdedFolders,
  doubleCasts,
  longFiles,
  productOf,
  roomsPerFolder,
  sharedTypeNames,
  undocumented,
} from '../support/architecture/house.ts';
import { type HeavyPackages, heavyImports, type Layers, upwardImports } from '../support/architecture/layers.ts';
import { type Fault, parse, readSources, type Source } from '../support/architecture/source.ts';
import { bannedWords } from '../support/architecture/words.ts';
import { suite } from '../support/suite.ts';

/** The layers that each layer may import, besides itself. `directview` is the package by its own name. */
const LAYERS: Layers = {
  'src/errors.ts': [],
  'src/tensor': ['src/errors.ts', 'src/util'],
  'src/util': ['src/errors.ts'],
  'src/comm': ['src/errors.ts', 'src/util'],
  'src/protocol': ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm'],
  'src/rpc': ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm', 'src/protocol'],
  'src/client': ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm', 'src/protocol', 'src/rpc'],
  'src/dashboard': ['src/errors.ts', 'src/util', 'src/protocol', 'src/rpc', 'src/client'],
  'src/cluster': [
    'src/errors.ts',
    'src/util',
    'src/tensor',
    'src/comm',
    'src/protocol',
    'src/rpc',
    'src/client',
    'src/dashboard',
  ],
  'src/batch': ['src/errors.ts', 'src/util', 'src/protocol', 'src/client', 'kernels'],
  'src/cli': [
    'src/errors.ts',
    'src/util',
    'src/rpc',
    'src/tensor',
    'src/protocol',
    'src/comm',
    'src/client',
    'src/dashboard',
    'src/cluster',
    'src/batch',
    'src/index.ts',
    'kernels',
  ],
  'src/index.ts': [
    'src/errors.ts',
    'src/util',
    'src/tensor',
    'src/rpc',
    'src/protocol',
    'src/client',
    'src/dashboard',
    'src/cluster',
    'src/batch',
    'kernels',
  ],
  kernels: ['src/errors.ts', 'src/util', 'src/tensor'],
  engines: ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm', 'src/protocol', 'src/rpc', 'kernels'],
  bench: ['src', 'kernels', 'engines', 'directview'],
  examples: ['directview'],
};

const CONTEXTS = 'engines/contexts';
/** Who may load a heavy package at run time: these files, with `await import()` (zeromq alone may be static). */
const LOADERS: HeavyPackages['loaders'] = {
  zeromq: [
    'src/comm/zeromq/authenticator.ts',
    'src/comm/zeromq/credentials.ts',
    'src/comm/zeromq/dealer.ts',
    'src/comm/zeromq/router.ts',
    'src/comm/zeromq/settings.ts',
    'src/cli/repl/jupyter/sockets.ts',
  ],
  'gpu.js': [`${CONTEXTS}/gpujs.ts`],
  webgpu: [`${CONTEXTS}/webgpu/dawn.ts`],
  gl: [`${CONTEXTS}/host/headlessgl.ts`],
  'onnxruntime-node': [`${CONTEXTS}/host/host-libraries.ts`, 'kernels/matmul/onnx.ts'],
  koffi: [
    `${CONTEXTS}/host/openblas-library.ts`,
    `${CONTEXTS}/cuda/driver/native.ts`,
    'src/cli/script/keep-freed-memory.ts',
  ],
  sharp: ['kernels/pictures/codec.ts'],
  '@tensorflow/tfjs': [`${CONTEXTS}/tfjs.ts`],
  '@tensorflow/tfjs-core': [],
  '@tensorflow/tfjs-backend-cpu': [],
  '@tensorflow/tfjs-backend-wasm': [`${CONTEXTS}/host/wasm.ts`, `${CONTEXTS}/host/headlessgl.ts`],
  '@tensorflow/tfjs-backend-webgpu': [`${CONTEXTS}/webgpu/tf-webgpu.ts`],
  '@tensorflow/tfjs-node': [`${CONTEXTS}/host/tensorflow.ts`],
};
const HEAVY: HeavyPackages = { loaders: LOADERS, staticToo: ['zeromq'] };
/** Folders whose files and folders must stand on floors. */
const HOUSES = [
  'src/batch',
  'src/client',
  'src/cluster',
  'src/dashboard',
  'src/cli',
  'src/comm',
  'src/protocol',
  'src/rpc',
  'engines',
  'kernels',
];
const MAX_DOUBLE_CASTS = 10;

const test = suite('architecture');
const sources = readSources();
const product = productOf(sources);

const FAULTS = {
  'import circles': fileCircles(sources),
  'upward imports': [...upwardImports(sources, LAYERS), ...roomCircles(sources, HOUSES)],
  'crowded folders': crowdedFolders(sources),
  'exports without a docstring': undocumented(product),
  'banned words': bannedWords([...sources, ...readSources(['test'])]),
  'types that share a name': sharedTypeNames(product),
};
const casts = doubleCasts(product).map(({ text }) => text);

/** Fails with one line for each fault. */
function none(faults: readonly string[]): void {
  assert.is(faults.length, 0, `\n${faults.join('\n')}`);
}

test('there is something to check', () => assert.ok(sources.length > 10));
for (const [rule, faults] of Object.entries(FAULTS)) {
  test(`no ${rule}`, () => none(faults.map(({ text }) => text)));
}
test('few casts by way of unknown', () => assert.ok(casts.length <= MAX_DOUBLE_CASTS, casts.join('\n')));
test('heavy packages are loaded late, and in their own files', () =>
  none(heavyImports(sources, HEAVY).map(({ text }) => text)));
test('no any, no default export, no export *, no long function', () =>
  none(sources.flatMap((s) => s.faults.map(({ text }) => text))));

// One line for a reader of the run, then what is worth a look and no fault.
const largest = [...roomsPerFolder(sources)].sort(([, a], [, b]) => b - a)[0] as [string, number];
const exported = product.reduce((sum, source) => sum + source.exports.length, 0);
const summary = [
  `circles ${FAULTS['import circles'].length} (types included)`,
  `upward imports ${FAULTS['upward imports'].length}`,
  `rooms per folder ≤ ${largest[1]} (largest: ${largest[0]})`,
  `exports without a docstring ${FAULTS['exports without a docstring'].length} of ${exported}`,
  `as unknown as ${casts.length} (≤ ${MAX_DOUBLE_CASTS})`,
];
console.log(`NOTE ${summary.join(', ')}`);
for (const warning of longFiles(sources)) console.log(`NOTE ${warning}: is it one noun, with one reason to change?`);

// Each rule catches what it is there for.
const BROKEN: [string, string, string, RegExp][] = [
  [
    'client imports an engine',
    'src/client/a.ts',
    `import { x } from '../../engines/queue/task-queue.ts';`,
    /src\/client may import/,
  ],
  [
    'a type import crosses too',
    'src/tensor/a.ts',
    `import type { X } from '../protocol/ref.ts';`,
    /src\/tensor may import/,
  ],
  [
    'an engine imports the client',
    'engines/a.ts',
    `const x = await import('../src/client/direct-view.ts');`,
    /engines may import/,
  ],
  [
    'a kernel knows messages',
    'kernels/a/b.ts',
    `type M = import('../../src/protocol/messages.ts').Header;`,
    /kernels may/,
  ],
  [
    'an example looks inside',
    'examples/a.ts',
    `import { x } from '../src/client/direct-view.ts';`,
    /examples may import directview/,
  ],
  ['a file without a layer', 'src/utils.ts', '', /is in no layer/],
  ['a heavy static import', `${CONTEXTS}/gpujs.ts`, `import { GPU } from 'gpu.js';`, /statically/],
  ['a heavy import elsewhere', 'engines/a.ts', `await import('sharp');`, /engines\/a.ts loads sharp: only kernels/],
  ['a sub-path of a package', 'engines/a.ts', `await import('@tensorflow/tfjs/dist/x.js');`, /only engines\/contexts/],
  ['another tfjs package', 'engines/a.ts', `await import('@tensorflow/tfjs-vis');`, /only nobody may/],
  ['a cycle', 'src/a.ts', `import './a.ts';`, /src\/a.ts → src\/a.ts/],
  ['a circle of types', 'src/a.ts', `import type { A } from './a.ts';`, /src\/a.ts → src\/a.ts/],
  [
    'an export without a docstring',
    'src/a.ts',
    `/** A. */ export type A = 1;\nexport const b = 1;`,
    /a.ts:2: b has no/,
  ],
  ['a header is no docstring', 'src/a.ts', '// A class.\n\nexport class A {}', /A has no docstring/],
  ['a double cast', 'src/a.ts', 'f(x as unknown as T);', /a.ts:1: as unknown as/],
  ['Of at the beginning', 'src/a.ts', '/** Sums. Of a row. */', /"Of a row."/],
  ['What at the beginning', 'src/a.ts', '// What a\n// row holds.', /a.ts:1: "What a row holds."/],
  ['Whoever in a later paragraph', 'src/a.ts', '/**\n * A row\n *\n * Whoever asks\n */', /"Whoever asks"/],
  ['shall', 'src/a.ts', 'f(); // it shall be', /"it shall be"/],
  ['is no, in an error', 'src/a.ts', `throw new TypeError('12 is no row');`, /"12 is no row"/],
  ['any', 'src/a.ts', 'let x: any[];', /src\/a.ts:1: any/],
  ['a default export', 'src/a.ts', 'export default class {}', /default export/],
  ['export * of a file', 'src/a.ts', `export * from './b.ts';`, /export \*/],
  ['a long function', 'src/a.ts', `const f = () => {${'\n'.repeat(80)}};`, /function of 81 lines/],
  ['a long file', 'src/a.ts', `${'//\n'.repeat(401)}`, /401 lines/],
];

const rulesOn = (some: readonly Source[]): string[] => {
  const faults: Fault[] = [
    ...upwardImports(some, LAYERS),
    ...heavyImports(some, HEAVY),
    ...fileCircles(some),
    ...roomCircles(some, HOUSES),
    ...crowdedFolders(some),
    ...undocumented(productOf(some)),
    ...doubleCasts(productOf(some)),
    ...bannedWords(some),
    ...sharedTypeNames(productOf(some)),
    ...some.flatMap((source) => source.faults),
  ];
  return [...faults.map((fault) => fault.text), ...longFiles(some)];
};

for (const [name, path, text, message] of BROKEN) {
  test(`catches: ${name}`, () => assert.match(rulesOn([parse(path, text)]).join('\n'), message));
}

test('catches: two types of one name, and a circle of three rooms', () => {
  const some = [
    parse('engines/a/x.ts', `import '../b/y.ts';\n/** One. */ export interface Row {}`),
    parse('engines/b/y.ts', `import type { Z } from '../z.ts';\n/** Another. */ export class Row {}`),
    parse('engines/z.ts', `await import('./a/other.ts')`),
    parse('engines/a/other.ts', ''),
  ];
  assert.equal(rulesOn(some), [
    'engines/: a → b → z.ts → a',
    'engines/b/y.ts exports a type Row, and so does engines/a/x.ts',
  ]);
});

test('catches: a crowded folder', () => {
  const many = Array.from({ length: 16 }, (_, i) => parse(`src/util/${i}.ts`, ''));
  assert.match(rulesOn(many).join('\n'), /src\/util\/ has 16 files and folders/);
});

test('lets pass: prose that is fine', () => {
  const fine = `// Overloads. "What" in quotes, of course; there is no engine 3, it is no longer needed, and \`shall\` is code.
    /** Doubles x. */ export function f(x: string): string; export function f(x: number): number;
    throw new Error('there is no engine 3'); const shall = 1;`;
  assert.equal(rulesOn([parse('src/util/a.ts', fine)]), []);
});

test('lets pass: types of heavy packages, zeromq in its file, switch defaults', () => {
  const fine = [
    parse(
      'engines/a.ts',
      `import type { GPU } from 'gpu.js'; type T = typeof import('sharp'); import { type X } from 'sharp';`,
    ),
    parse('src/comm/zeromq/dealer.ts', `import { Dealer } from 'zeromq'; switch (1) { default: }`),
    parse('examples/tour.ts', `import { Cluster } from 'directview';`),
  ];
  assert.equal(rulesOn(fine), []);
});

test.run();
