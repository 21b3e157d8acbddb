// The record that outlives an engine: which tasks had started, and why the last one was ended.
import * as assert from 'uvu/assert';
import { FlightRecord, RECORD_BYTES, readFlightRecord } from '../../../src/protocol/flight-record.ts';
import { range } from '../../../src/tensor/convert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('flight record');

function file() {
  const bytes = Buffer.alloc(RECORD_BYTES);
  const record = new FlightRecord((part, position) => void bytes.set(part, position));
  return { bytes, record };
}

test('an engine that started nothing', () => {
  assert.equal(readFlightRecord(file().bytes), { started: [] });
  assert.equal(readFlightRecord(new Uint8Array()), { started: [] });
});

test('the newest 64 starts, oldest first; ids of any length keep their beginning', () => {
  const { bytes, record } = file();
  for (const n of range(100)) record.started(`3f8c2f0e-5b1c-4f6e-9a57-0b5a3c7d1e2f:${n}~1`);
  record.started('x'.repeat(100));
  const { started } = readFlightRecord(bytes);
  assert.is(started.length, 64);
  assert.is(started[0], '3f8c2f0e-5b1c-4f6e-9a57-0b5a3c7d1e2f:37~1');
  assert.is(started.at(-2), '3f8c2f0e-5b1c-4f6e-9a57-0b5a3c7d1e2f:99~1');
  assert.match(started.at(-1) as string, /^x{50,}$/);
});

test('a short id after a long one in the same slot', () => {
  const { bytes, record } = file();
  for (const n of range(64)) record.started(`a-long-name-of-a-client:${n}`);
  record.started('c:1');
  assert.is(readFlightRecord(bytes).started.at(-1), 'c:1');
});

test('the reason for the end of the engine', () => {
  for (const reason of ['interrupt', 'timeout', 'client-gone'] as const) {
    const { bytes, record } = file();
    record.started('c:1');
    record.stopped(reason);
    assert.equal(readFlightRecord(bytes), { started: ['c:1'], stopped: reason });
  }
});

test.run();
