// The layers as a test: who imports whom, who loads heavy packages, cycles, sizes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

/** The layers that each layer may import, besides itself. `directview` is the package by its own name. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'src/errors.ts': [],
  'src/tensor': ['src/errors.ts'],
  'src/util': ['src/errors.ts'],
  'src/comm': ['src/errors.ts', 'src/util'],
  'src/protocol': ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm'],
  'src/rpc': ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm', 'src/protocol'],
  'src/client': ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm', 'src/protocol', 'src/rpc'],
  'src/cluster': ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm', 'src/protocol', 'src/rpc', 'src/client'],
  'src/cli': [
    'src/errors.ts',
    'src/util',
    'src/rpc',
    'src/tensor',
    'src/protocol',
    'src/comm',
    'src/client',
    'src/cluster',
    'src/index.ts',
    'kernels',
  ],
  'src/pictures.ts': ['src/protocol', 'kernels'],
  'src/index.ts': [
    'src/errors.ts',
    'src/tensor',
    'src/protocol',
    'src/client',
    'src/cluster',
    'src/pictures.ts',
    'kernels',
  ],
  kernels: ['src/errors.ts', 'src/util', 'src/tensor'],
  engines: ['src/errors.ts', 'src/util', 'src/tensor', 'src/comm', 'src/protocol', 'src/rpc', 'kernels'],
  bench: ['src', 'kernels', 'engines', 'directview'],
  examples: ['directview'],
};

const CONTEXTS = 'engines/contexts';
/** Who may load a heavy package at run time: these files, with `await import()` (zeromq alone may be static). */
const HEAVY: Readonly<Record<string, readonly string[]>> = {
  zeromq: ['src/comm/zeromq.ts'],
  'gpu.js': [`${CONTEXTS}/gpujs.ts`],
  webgpu: [`${CONTEXTS}/webgpu/dawn.ts`],
  gl: [`${CONTEXTS}/host/headlessgl.ts`],
  'onnxruntime-node': [`${CONTEXTS}/host/host-matmul.ts`, 'kernels/matmul/onnx.ts'],
  sharp: ['kernels/pictures/codec.ts'],
  '@tensorflow/tfjs-core': ['host/cpu', 'host/wasm', 'webgpu/tf-webgpu', 'host/headlessgl', 'host/tensorflow'].map(
    (c) => `${CONTEXTS}/${c}.ts`,
  ),
  '@tensorflow/tfjs-backend-cpu': [`${CONTEXTS}/host/cpu.ts`],
  '@tensorflow/tfjs-backend-wasm': [`${CONTEXTS}/host/wasm.ts`, `${CONTEXTS}/host/headlessgl.ts`],
  '@tensorflow/tfjs-backend-webgpu': [`${CONTEXTS}/webgpu/tf-webgpu.ts`],
  '@tensorflow/tfjs-node': [`${CONTEXTS}/host/tensorflow.ts`],
};
const STATIC_TOO = ['zeromq'];
const MAX_FILE = 350;
const MAX_FUNCTION = 80;

type How = 'static' | 'dynamic' | 'type';
interface Import {
  readonly from: string;
  readonly how: How;
}
interface Source {
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** `any`, default exports, `export *`, long functions: `line: what`. */
  readonly faults: readonly string[];
}

function parse(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const faults: string[] = [];
  const line = (at: number) => file.getLineAndCharacterOfPosition(at).line + 1;
  const visit = (node: ts.Node): void => {
    const found = importOf(node);
    if (found !== undefined) imports.push({ ...found, from: resolve(path, found.from) });
    const fault = faultOf(node, line(node.getEnd()) - line(node.getStart()) + 1);
    if (fault !== undefined) faults.push(`${path}:${line(node.getStart())}: ${fault}`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, lines: text.trimEnd().split('\n').length, imports, faults };
}

/** Relative specifiers as paths from the root; packages by name. */
function resolve(path: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier;
}

function importOf(node: ts.Node): Import | undefined {
  const text = (name: ts.Node | undefined, how: How) =>
    name !== undefined && ts.isStringLiteralLike(name) ? { from: name.text, how } : undefined;
  if (ts.isImportDeclaration(node)) return text(node.moduleSpecifier, isTypeImport(node) ? 'type' : 'static');
  if (ts.isExportDeclaration(node)) return text(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static');
  if (ts.isImportTypeNode(node))
    return ts.isLiteralTypeNode(node.argument) ? text(node.argument.literal, 'type') : undefined;
  if (!ts.isCallExpression(node)) return undefined;
  const loads = node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require';
  return loads ? text(node.arguments[0], 'dynamic') : undefined;
}

function isTypeImport({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false;
  const named = importClause.namedBindings;
  if (importClause.isTypeOnly) return true;
  return !importClause.name && !!named && ts.isNamedImports(named) && named.elements.every((e) => e.isTypeOnly);
}

function faultOf(node: ts.Node, lines: number): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any';
  if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword) {
    return ts.isDefaultClause(node.parent) ? undefined : 'a default export';
  }
  if (ts.isExportDeclaration(node) && (!node.exportClause || ts.isNamespaceExport(node.exportClause)))
    return 'export *';
  return ts.isFunctionLike(node) && lines > MAX_FUNCTION
    ? `a function of ${lines} lines, over ${MAX_FUNCTION}`
    : undefined;
}

const inside = (path: string, layer: string) => path === layer || path.startsWith(`${layer}/`);
const layerOf = (path: string) => Object.keys(LAYERS).find((layer) => inside(path, layer));
const isOurs = (from: string) => /^(src|engines|kernels|bench|examples|test)\//.test(from) || from === 'directview';

function layerFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, imports }) => {
    const own = layerOf(path);
    if (own === undefined) return [`${path} is in no layer`];
    const allowed = [own, ...(LAYERS[own] as readonly string[])];
    const wrong = imports.filter(({ from }) => isOurs(from) && !allowed.some((layer) => inside(from, layer)));
    return wrong.map(
      ({ from }) => `${path} imports ${from}: ${own} may import ${allowed.slice(1).join(', ') || 'nothing'}`,
    );
  });
}

// Benchmarks measure the packages themselves, examples are programs of users: both load them as they like.
function heavyFaults(sources: readonly Source[]): string[] {
  const product = sources.filter(({ path }) => !inside(path, 'bench') && !inside(path, 'examples'));
  return product.flatMap(({ path, imports }) => imports.flatMap((entry) => heavyFault(path, entry) ?? []));
}

function heavyFault(path: string, { from, how }: Import): string | undefined {
  const name =
    Object.keys(HEAVY).find((heavy) => inside(from, heavy)) ?? (/^@tensorflow\//.test(from) ? from : undefined);
  if (name === undefined || how === 'type') return undefined;
  if (how === 'static' && !STATIC_TOO.includes(name)) return `${path} imports ${from} statically: use await import()`;
  const allowed = HEAVY[name] ?? [];
  return allowed.includes(path) ? undefined : `${path} loads ${from}: only ${allowed.join(', ') || 'nobody'} may`;
}

/** Cycles of run-time imports, each as its path; types may refer to each other. */
function cycles(sources: readonly Source[]): string[] {
  const edges = new Map(sources.map(({ path, imports }) => [path, imports.filter((i) => i.how !== 'type')]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const { from } of edges.get(path) ?? []) visit(from, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

function sizeFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ lines }) => lines > MAX_FILE)
    .map(({ path, lines }) => `${path} has ${lines} lines, over ${MAX_FILE}`);
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function readSources(): Source[] {
  const folders = ['src', 'engines', 'kernels', 'bench', 'examples'].filter((folder) => existsSync(ROOT + folder));
  return folders.flatMap((folder) =>
    readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
      .map((path) => parse(path, readFileSync(ROOT + path, 'utf8'))),
  );
}

const test = suite('architecture');
const sources = readSources();

test('there is something to check', () => assert.ok(sources.length > 10));
test('imports stay within the layers', () => assert.equal(layerFaults(sources), []));
test('heavy packages are loaded late, and in their own files', () => assert.equal(heavyFaults(sources), []));
test('no cycles', () => assert.equal(cycles(sources), []));
test('files are short', () => assert.equal(sizeFaults(sources), []));
test('no any, no default export, no export *, no long function', () =>
  assert.equal(
    sources.flatMap((s) => s.faults),
    [],
  ));

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
  [
    'a sub-path of a package',
    'engines/a.ts',
    `await import('@tensorflow/tfjs-core/dist/x.js');`,
    /only engines\/contexts/,
  ],
  ['another tfjs package', 'engines/a.ts', `await import('@tensorflow/tfjs');`, /only nobody may/],
  ['a cycle', 'src/a.ts', `import './a.ts';`, /src\/a.ts → src\/a.ts/],
  ['any', 'src/a.ts', 'let x: any[];', /src\/a.ts:1: any/],
  ['a default export', 'src/a.ts', 'export default class {}', /default export/],
  ['export * of a file', 'src/a.ts', `export * from './b.ts';`, /export \*/],
  ['a long function', 'src/a.ts', `const f = () => {${'\n'.repeat(80)}};`, /function of 81 lines/],
  ['a long file', 'src/a.ts', `${'//\n'.repeat(351)}`, /351 lines/],
];

for (const [name, path, text, message] of BROKEN) {
  test(`catches: ${name}`, () => {
    const one = [parse(path, text)];
    const faults = [layerFaults, heavyFaults, cycles, sizeFaults]
      .flatMap((rule) => rule(one))
      .concat(one[0]?.faults ?? []);
    assert.match(faults.join('\n'), message);
  });
}

test('lets pass: types of heavy packages, zeromq in its file, switch defaults', () => {
  const fine = [
    parse(
      'engines/a.ts',
      `import type { GPU } from 'gpu.js'; type T = typeof import('sharp'); import { type X } from 'sharp';`,
    ),
    parse('src/comm/zeromq.ts', `import { Dealer } from 'zeromq'; switch (1) { default: }`),
    parse('examples/tour.ts', `import { Cluster } from 'directview';`),
  ];
  const faults = [layerFaults, heavyFaults, cycles, sizeFaults].flatMap((rule) => rule(fine));
  assert.equal([...faults, ...fine.flatMap((s) => s.faults)], []);
});

test.run();
