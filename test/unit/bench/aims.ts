// The table of aims of bench/overhead.
import * as assert from 'uvu/assert';
import { renderAims } from '../../../bench/support/beside/aims.ts';
import type { Figure } from '../../../bench/support/contest.ts';
import { suite } from '../../support/suite.ts';

const test = suite('bench/aims');

const other = (multiple: number) => ({ value: 1, spread: 0, multiple });
const lines = (...figures: Figure[]): string[] =>
  renderAims(figures, 4, 8)
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/).join(' | '));

test('a time holds below its multiple, a rate above', () => {
  const ping = (multiple: number): Figure => ({
    name: 'noop apply, 1 engine',
    value: 1,
    unit: 'µs',
    beside: { 'unix socket': other(multiple), MPI: other(100) },
  });
  assert.equal(lines(ping(1.6)), ['noop apply, 1 engine | 1.6 × unix socket | at most 1.6 × unix socket | holds']);
  assert.match(lines(ping(1.61))[0] as string, /does not hold$/);
  const rate = (multiple: number): Figure => ({
    name: 'pipelined noop tasks',
    value: 1,
    unit: '1/s',
    beside: { piscina: other(multiple) },
  });
  assert.match(lines(rate(0.5))[0] as string, /at least 0.5 × piscina \| holds$/);
  assert.match(lines(rate(0.49))[0] as string, /does not hold$/);
});

test('one of two ratios is enough; zeromq is the transport alone', () => {
  const gather = (raw: number, copy: number): Figure => ({
    name: 'gather 100 MB',
    value: 3,
    unit: 'MB/s',
    raw,
    beside: { memcpy: other(copy) },
  });
  const wanted = 'at least 3 × zeromq or 0.8 × memcpy';
  assert.equal(lines(gather(1, 0.1)), [`gather 100 MB | 3 × zeromq, 0.1 × memcpy | ${wanted} | holds`]);
  assert.match(lines(gather(2, 0.8))[0] as string, / holds$/);
  assert.match(lines(gather(2, 0.7))[0] as string, /does not hold$/);
});

test('the first system that is here counts; without any, the aim says so; other figures have no line', () => {
  const push = (...systems: string[]): Figure => ({
    name: 'push to 4 100 MB',
    value: 1,
    unit: 'MB/s',
    beside: Object.fromEntries(systems.map((system) => [system, other(0.9)])),
  });
  assert.match(lines(push('Ray', 'one write, all read'))[0] as string, /0.9 × Ray \|/);
  assert.match(lines(push('one write, all read'))[0] as string, /0.9 × one write, all read \|/);
  assert.equal(lines(push('MPI')), ['push to 4 100 MB | Ray is not here']);
  assert.is(renderAims([{ name: 'start', value: 1, unit: 'ms' }], 4, 8), '');
});

test('small and middle transfers have an aim beside another checkout, where there is one', () => {
  const scatter = (megabytes: number, beside: NonNullable<Figure['beside']>): Figure => ({
    name: `scatter ${megabytes} MB`,
    value: 1,
    unit: 'MB/s',
    beside,
  });
  assert.equal(lines(scatter(16, { before: other(3) })), ['scatter 16 MB | 3 × before | at least 3 × before | holds']);
  assert.match(lines(scatter(1, { before: other(2.9) }))[0] as string, /does not hold$/);
  assert.is(renderAims([scatter(1, { memcpy: other(9) })], 4, 8), '');
});

test.run();
