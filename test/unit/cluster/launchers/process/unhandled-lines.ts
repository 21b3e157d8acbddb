// Reports of unhandled errors, found in the output of an engine however it is cut into chunks.
import * as assert from 'uvu/assert';
import { UnhandledLines } from '../../../../../src/cluster/launchers/process/unhandled-lines.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('unhandled lines');

test('finds the reports in chunks of any size, and nothing else', () => {
  const text = 'a log line\nunhandled: Error: late\nunhandled:     at f\nnot unhandled: x\nunhandled: cut';
  for (const size of [1, 7, 1000]) {
    const lines = new UnhandledLines();
    const found: string[] = [];
    for (let at = 0; at < text.length; at += size) found.push(...lines.write(text.slice(at, at + size)));
    assert.equal(found, ['Error: late', '    at f']);
    assert.equal(lines.write(' off\n'), ['cut off']);
  }
});

test.run();
