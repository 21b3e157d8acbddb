// Two engines on one card, by stand-ins for CUDA's libraries and for nvidia-smi: refused, unless somebody allows it.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { buildStub, type CudaStub, stubMissing } from '../../support/cuda-stub/build.ts';
import { suite } from '../../support/suite.ts';
import { makeCommands, runningJobs } from '../../support/systems/fake-batch.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const CARD = 'GPU-11111111-2222-3333-4444-555555555555';
const REFUSED =
  /engine (\d+) was refused: its card GPU-11111111-\S+ on \S+ is that of engine (\d+) \(shareGpu: true, or --share-gpu, allows it\)/;
const test = suite('systems/share-gpu');
const missing = stubMissing();

if (missing !== undefined) test.skip('two engines on one card', missing);
else defineTests();
test.run();

function defineTests(): void {
  const home = mkdtempSync(join(tmpdir(), 'dv-share-'));
  const folder = join(home, 'pbs');
  const path = process.env['PATH'] ?? '';
  let stub: CudaStub;

  test.before(async () => {
    stub = await buildStub();
    makeCommands(folder, 'pbs');
    writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\necho 'GPU 0: Stub card 0 (UUID: ${CARD})'\n`);
    chmodSync(join(folder, 'nvidia-smi'), 0o755);
    process.env['PATH'] = `${folder}:${path}`;
    process.env['DIRECTVIEW_HOME'] = join(home, 'state');
    process.env['DIRECTVIEW_CUDA_PATH'] = stub.folder;
  });
  test.after(() => {
    process.env['PATH'] = path;
    delete process.env['DIRECTVIEW_CUDA_PATH'];
    stub.remove();
    rmSync(home, { recursive: true, force: true });
  });

  /** The command line in a folder with these site defaults. */
  const cli = async (defaults: object, ...args: string[]) => {
    const site = join(home, 'site');
    mkdirSync(site, { recursive: true });
    const template = `#!/bin/sh\n#PBS -o {log}\nDIRECTVIEW_CUDA_PATH=${stub.folder} exec {command}\n`;
    const launcher = { kind: 'pbs', poll: 100, template };
    const config = { launcher, engines: 2, device: 'cuda', listen: 'tcp://127.0.0.1', ...defaults };
    writeFileSync(join(site, 'directview.config.json'), JSON.stringify(config));
    const result = await run(process.execPath, [CLI, ...args], { cwd: site }).catch((error: unknown) => error);
    const { stdout, stderr, code = 0 } = result as { stdout: string; stderr: string; code?: number };
    return { code, text: `${stdout}${stderr}` };
  };

  test('engines of a launcher: the error names both engines, the card and the options; no job is left', async () => {
    const { code, text } = await cli({}, 'start', '--name', 'refused');
    assert.is(code, 1, text);
    const [, first, second] = REFUSED.exec(text) ?? [];
    assert.equal([first, second].sort(), ['0', '1'], text);
    assert.equal(runningJobs(folder), []);
  });

  for (const [what, defaults, flags] of [
    ['--share-gpu', {}, ['--share-gpu']],
    ['shareGpu in the site defaults', { shareGpu: true }, []],
  ] as const)
    test(`${what} allows it`, async () => {
      const { code, text } = await cli(defaults, 'start', '--name', 'shared', '--daemonize', ...flags);
      assert.is(code, 0, text);
      assert.match(text, /cluster 'shared' is running: 2 engines on cuda/);
      const stopped = await cli(defaults, 'stop', 'shared');
      assert.is(stopped.code, 0, stopped.text);
      assert.equal(runningJobs(folder), []);
    });

  test('engines of this host share a card, unless somebody forbids it', async () => {
    const forbidden = () => Cluster.start({ engines: 2, device: 'cuda', shareGpu: false });
    const error = await rejects(forbidden, ClusterError, REFUSED);
    assert.match(error.message, new RegExp(CARD));
    await using cluster = await Cluster.start({ engines: 2, device: 'cuda' });
    assert.is(cluster.engines.length, 2);
  });
}
