// The last output of an engine in the reason of its death.
import * as assert from 'uvu/assert';
import { lastWords } from '../../../../src/cluster/launchers/last-words.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('last words');
const of = (output: string, signal: NodeJS.Signals | null = null) =>
  lastWords({ signal, handle: { slot: 0, pid: 1, output: () => output, fate: () => undefined } });

const HEAP = `
<--- Last few GCs --->

[123:0x5f0] 1234 ms: Mark-Compact 62.3 (66.1) -> 61.9 (66.4) MB, 21.1 / 0.0 ms

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0xb76dc0 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [/usr/bin/node]
 2: 0xee6120 v8::Utils::ReportOOMFailure [/usr/bin/node]
`;

test('a fatal error of V8 is all that counts', () => {
  assert.is(of(HEAP, 'SIGABRT'), ': Reached heap limit Allocation failed - JavaScript heap out of memory');
});

test('of other output the last four lines, cut', () => {
  assert.is(of('a\nb\n\nc\nd\ne\n'), '; its last output: b | c | d | e');
  assert.is(of(`${'x'.repeat(1000)}\n`), `; its last output: ${'x'.repeat(200)}…`);
});

test('frames and warnings do not count', () => {
  const frames = '1: 0xb7 abort [node]\n 2: runInThisContext (node:vm:137:12)\n';
  const warning = '(node:7) ExperimentalWarning: it is new\n(Use `node --trace-warnings ...` to show where)\n';
  assert.is(of(`${frames}${warning}`, 'SIGABRT'), '');
});

test('without output only a SIGKILL has a guess', () => {
  assert.is(of(''), '');
  assert.is(of('', 'SIGSEGV'), '');
  assert.match(of('', 'SIGKILL'), /^, perhaps because the system ran out of memory$/);
});

test.run();
