// Measured tiles are kept in the user's cache: written whole, merged, and never trusted to be there or to be right.
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { readWinners, tileCachePath, writeWinners } from '../../../../engines/contexts/measured-cache.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('measured cache');
const folder = temporaryFolder('tiles-');
const path = join(folder, 'deep', 'tiles.json');

test('lies in the private home, the cache folder of the user, or ~/.cache', () => {
  assert.match(tileCachePath({ DIRECTVIEW_HOME: '/h', XDG_CACHE_HOME: '/x' }), /^\/h\/cache\/matmul-tiles-\d+\.json$/);
  assert.match(tileCachePath({ XDG_CACHE_HOME: '/x' }), /^\/x\/directview\/matmul-tiles-\d+\.json$/);
  assert.match(tileCachePath({}), /\/\.cache\/directview\/matmul-tiles-\d+\.json$/);
});

test('two engines write their classes beside each other', () => {
  assert.equal(readWinners(path), {});
  writeWinners({ 'card: small': '32x32' }, path);
  writeWinners({ 'card: large': '128x128' }, path);
  assert.equal(readWinners(path), { 'card: small': '32x32', 'card: large': '128x128' });
});

test('a home that it makes is one that clusters take', () => {
  const home = join(folder, 'home');
  writeWinners({ a: 'b' }, tileCachePath({ DIRECTVIEW_HOME: home }));
  assert.is(statSync(home).mode & 0o077, 0);
});

test('a broken file and a folder that cannot be made are no error', () => {
  writeFileSync(path, '{"card: small": "32x32", "card: odd": 5');
  assert.equal(readWinners(path), {});
  writeFileSync(path, '{"card: small": "32x32", "card: odd": 5}');
  assert.equal(readWinners(path), { 'card: small': '32x32' });
  writeWinners({ a: 'b' }, join(path, 'below a file', 'tiles.json'));
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
