// Processes that user code started end with their engine, also when the owner of the cluster was killed.
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Program, until } from '../../fixtures/cluster-lab.ts';
import { isAlive } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/orphans');

for (const busy of ['idle', 'busy'] as const) {
  test(`kill -9 of the owner, engines ${busy}: engines and their children end`, async () => {
    const program = new Program('test/fixtures/cluster-with-children.js', [busy]);
    const [, text] = await program.says(/pids (\[.*\])/);
    const pids = JSON.parse(text as string) as number[];
    assert.is(pids.length, 4);
    assert.ok(pids.every(isAlive));
    program.child.kill('SIGKILL');
    await until('all to end', () => pids.every((pid) => !isAlive(pid)), 15_000);
    // The next start would sweep them.
    for (const name of readdirSync(tmpdir())) {
      if (name.startsWith(`directview-${program.child.pid}-`)) rmSync(join(tmpdir(), name), { recursive: true });
    }
  });
}

test.run();
