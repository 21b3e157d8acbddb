// The allocator of programs of this package, in processes of their own.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import * as assert from 'uvu/assert';
import { allocatorEnv } from '../../../../src/cluster/launchers/engine-env.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cli/keep-freed-memory');
const KEEP = new URL('../../../../src/cli/script/keep-freed-memory.js', import.meta.url).href;
const TRACE = new URL('../../../../src/util/diagnostics/allocator.js', import.meta.url).href;
const MIB = 1024 * 1024;

/** Prints the bytes of the heap after an allocation of 100 MiB, which is mapped by itself unless the settings are in force. */
function heapOf(first: string, env: NodeJS.ProcessEnv = {}): { heap: number; debug: string } {
  const script = `import { readFileSync } from 'node:fs';
import { keepFreedMemory } from '${KEEP}';
import { traceAllocator } from '${TRACE}';
${first}
traceAllocator();
globalThis.kept = Buffer.allocUnsafeSlow(${100 * MIB});
const [, from, to] = /^(\\w+)-(\\w+) .*\\[heap\\]$/m.exec(readFileSync('/proc/self/maps', 'utf8'));
console.log(parseInt(to, 16) - parseInt(from, 16));`;
  const { MALLOC_MMAP_THRESHOLD_: _a, MALLOC_TRIM_THRESHOLD_: _b, GLIBC_TUNABLES: _c, ...rest } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...rest, ...env, NODE_DEBUG: 'directview:memory' },
    encoding: 'utf8',
  });
  return { heap: Number(stdout), debug: stderr };
}

function missing(): string | undefined {
  if (Object.keys(allocatorEnv()).length === 0) return 'the C library is not glibc 2.36 or later';
  try {
    createRequire(import.meta.url).resolve('koffi');
    return undefined;
  } catch {
    return 'koffi is not installed';
  }
}

function when(name: string, run: () => void): void {
  const reason = missing();
  if (reason === undefined) test(name, run);
  else test.skip(name, reason);
}

when('large memory comes from the heap once the settings are made, and a debug line says so', () => {
  const before = heapOf('');
  assert.ok(before.heap < 100 * MIB, `a heap of ${before.heap} bytes without the settings`);
  assert.match(before.debug, /allocator: the C library's own settings/);
  const after = heapOf('await keepFreedMemory();');
  assert.ok(after.heap >= 100 * MIB, `a heap of ${after.heap} bytes`);
  assert.match(after.debug, /allocator: MALLOC_MMAP_THRESHOLD_=268435456 .*, set by this program/);
});

when('settings of the environment stay as they are', () => {
  const { heap, debug } = heapOf('await keepFreedMemory();', { MALLOC_MMAP_THRESHOLD_: '1048576' });
  assert.ok(heap < 100 * MIB, `a heap of ${heap} bytes`);
  assert.match(debug, /allocator: MALLOC_MMAP_THRESHOLD_=1048576\n/);
});

test.run();
