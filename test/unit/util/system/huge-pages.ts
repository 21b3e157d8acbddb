// Large blocks of memory: fresh ones ask for huge pages, and those that are used again and again move into them.
import { existsSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import * as assert from 'uvu/assert';
import { LEAST_BYTES, largeBuffer, moveToHugePages, pagesWithin } from '../../../../src/util/system/huge-pages.ts';
import { noteCrossing } from '../../../../src/util/system/repeated-use.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('util/huge-pages');
const MIB = 2 ** 20;
const SMAPS = '/proc/self/smaps';
const THP = '/sys/kernel/mm/transparent_hugepage/enabled';

test('only whole huge pages within a block count', () => {
  const at = (address: number, bytes: number) => pagesWithin(BigInt(address), bytes);
  assert.equal(at(2 * MIB, 2 * MIB), { start: BigInt(2 * MIB), bytes: 2 * MIB });
  assert.equal(at(2 * MIB, 4 * MIB - 1), { start: BigInt(2 * MIB), bytes: 2 * MIB });
  assert.equal(at(2 * MIB + 16, 6 * MIB), { start: BigInt(4 * MIB), bytes: 4 * MIB });
  assert.equal(at(4 * MIB - 1, 2 * MIB + 1), { start: BigInt(4 * MIB), bytes: 2 * MIB });
  for (const [address, bytes] of [
    [2 * MIB, 0],
    [2 * MIB, 2 * MIB - 1],
    [2 * MIB + 1, 3 * MIB],
    [2 * MIB + 1, 1],
  ] as const)
    assert.is(at(address, bytes), undefined, `${bytes} bytes at ${address}`);
});

/** The flags of the mapping that an address lies in, as the kernel lists them. */
function flagsAt(address: bigint): readonly string[] {
  let isIn = false;
  for (const line of readFileSync(SMAPS, 'latin1').split('\n')) {
    const [, lo, hi] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
    if (lo !== undefined) isIn = BigInt(`0x${lo}`) <= address && address < BigInt(`0x${hi}`);
    else if (isIn && line.startsWith('VmFlags:')) return line.slice(8).trim().split(' ');
  }
  return [];
}

const FRESH = 'a large block asks for huge pages, whole and of its own';
if (existsSync(SMAPS) && existsSync(THP))
  test(FRESH, () => {
    const block = largeBuffer(9 * MIB);
    assert.is(block.length, 9 * MIB);
    assert.is(block.buffer.byteLength, 9 * MIB);
    const pages = pagesWithin(koffi.address(block), block.length);
    assert.is(Number(pages?.bytes) >= 6 * MIB, true);
    assert.ok(flagsAt(pages?.start as bigint).includes('hg'), 'the kernel knows');
    block.fill(7);
    assert.is(block[block.length - 1], 7);
  });
else test.skip(FRESH, 'no huge pages here');

test('blocks of every size are what was asked for', () => {
  for (const bytes of [0, 1, LEAST_BYTES - 1, LEAST_BYTES, 4 * MIB + 3])
    assert.equal([largeBuffer(bytes).length, largeBuffer(bytes).byteOffset], [bytes, 0]);
});

test('memory that moves keeps what it holds, wherever the kernel can move it or not', async () => {
  const whole = new Uint8Array(9 * MIB + 5);
  for (let i = 0; i < whole.length; i++) whole[i] = i % 251;
  const moving = [moveToHugePages(whole), moveToHugePages(whole.subarray(MIB)), moveToHugePages(new Uint8Array(8))];
  whole[4 * MIB] = 255;
  const moved = await Promise.all(moving);
  assert.type(moved[0], 'boolean');
  assert.is(moved[2], false);
  assert.is(whole[4 * MIB], 255);
  whole[4 * MIB] = (4 * MIB) % 251;
  assert.ok(whole.every((byte, i) => byte === i % 251));
});

test('a block moves once, after some crossings', () => {
  const moved: Uint8Array[] = [];
  const move = (memory: Uint8Array): Promise<boolean> => {
    moved.push(memory);
    return Promise.resolve(true);
  };
  const block = new Uint8Array(4 * MIB);
  const crossing = (): void => {
    noteCrossing(block.subarray(0, 2 * MIB), move);
    noteCrossing(block.subarray(2 * MIB), move);
  };
  for (let i = 0; i < 4; i++) crossing();
  assert.is(moved.length, 0);
  for (let i = 0; i < 4; i++) crossing();
  assert.equal([moved.length, moved[0]?.buffer === block.buffer, moved[0]?.length], [1, true, block.length]);
  const small = new Uint8Array(MIB);
  for (let i = 0; i < 20; i++) noteCrossing(small, move);
  assert.is(moved.length, 1);
});

test.run();
