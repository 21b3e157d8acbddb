import * as assert from 'uvu/assert';
import { inspected } from '../../../../../src/cli/repl/jupyter/inspection.ts';
import { Cluster } from '../../../../../src/cluster/cluster.ts';
import { Tensor } from '../../../../../src/tensor/tensor.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/jupyter/inspection');
const text = (code: string, cursor = code.length) =>
  String((inspected(code, cursor)['data'] as Record<string, string>)['text/plain'] ?? '');

test('methods: signature and documentation, also before the bracket and in the middle of the name', () => {
  Object.assign(globalThis, { someTensor: new Tensor('float32', [2, 2], new Float32Array(4)) });
  for (const [code, cursor] of [
    ['someTensor.reshape', 18],
    ['x = 1\nsomeTensor.reshape([4', 27],
    ['someTensor.reshape', 15],
  ] as const) {
    assert.match(text(code, cursor), /^reshape\([\s\S]*\n\n\S/);
  }
});

test('values of the user, functions of the user, % commands; nothing where there is no name', () => {
  Object.assign(globalThis, { someValue: { a: 5 }, someFunction: (x: number) => x + 1 });
  assert.match(text('someValue.a'), /5/);
  assert.match(text('someFunction'), /=>\s*x \+ 1/);
  assert.match(text('%px a'), /runs CODE on the engines/);
  assert.equal(inspected('nobodyHasThisName', 5), { status: 'ok', found: false, data: {}, metadata: {} });
  assert.is(inspected('1 + ', 4)['found'], false);
});

test('functions of the notebook, static methods, and names that could be imported', () => {
  Object.assign(globalThis, { Cluster, display: () => {}, html: () => {}, input: () => {} });
  for (const [code, signature] of [
    ['Cluster.start', /^static start\(/],
    ['display', /^display\(value: unknown/],
    ['html', /^readonly html: /],
    ['input', /^input\(prompt\?: string/],
    ['Client.connect', /^static connect\(/],
    ['CompositeError', /^class CompositeError/],
  ] as const) {
    assert.match(text(code), signature);
    assert.match(text(code), /\n\n\S/);
  }
});

test.run();
