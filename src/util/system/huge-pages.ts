import type { KoffiFunc } from 'koffi';
import { systemCalls } from './system-library.ts';

/** Bytes of a huge page of x86-64, and of ARM with pages of 4 KiB. */
const PAGE = 2 ** 21;
/** Smaller blocks have few whole huge pages in them. */
export const LEAST_BYTES: number = 3 * 2 ** 20;
/** madvise(2): the kernel may back fresh pages by huge ones. */
const HUGE_PAGES = 14;
/** madvise(2), Linux 6.1: the kernel moves present pages into huge ones. */
const COLLAPSE = 25;

const system = systemCalls(({ koffi, call }) => ({
  koffi,
  madvise: call<KoffiFunc<(address: bigint, bytes: number, advice: number) => number>>(
    'int madvise(uintptr_t address, size_t bytes, int advice)',
  ),
}));

/** The whole huge pages within a block; undefined if there is none. */
export function pagesWithin(address: bigint, bytes: number): { start: bigint; bytes: number } | undefined {
  const lead = (PAGE - Number(address % BigInt(PAGE))) % PAGE;
  const whole = Math.floor((bytes - lead) / PAGE) * PAGE;
  return whole > 0 ? { start: address + BigInt(lead), bytes: whole } : undefined;
}

/**
 * New memory of its own, with undefined content. The kernel clears large blocks by huge pages where it can: one fault for 2 MiB
 * in place of 512. Other processes read such memory faster, too.
 */
export function largeBuffer(bytes: number): Buffer<ArrayBuffer> {
  const memory = Buffer.allocUnsafeSlow(bytes);
  const { koffi, madvise } = (bytes < LEAST_BYTES ? undefined : system()) ?? {};
  const pages = koffi && pagesWithin(koffi.address(memory), bytes);
  if (pages !== undefined) madvise?.(pages.start, pages.bytes, HUGE_PAGES);
  return memory;
}

/**
 * Moves memory that is in use into huge pages, on a thread of Node's pool: what it holds, and its address, stay. Resolves to
 * false where the kernel cannot.
 */
export function moveToHugePages(memory: Uint8Array): Promise<boolean> {
  const { koffi, madvise } = system() ?? {};
  const pages = koffi && pagesWithin(koffi.address(memory), memory.byteLength);
  if (pages === undefined || madvise === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    madvise.async(pages.start, pages.bytes, COLLAPSE, (_error: unknown, result: unknown) => {
      // The memory is referred to until here.
      resolve(result === 0 && memory.byteLength > 0);
    });
  });
}
