// The golden pictures through real engines of one context: by the public functions, as a user maps them.
import * as assert from 'uvu/assert';
import { probeAll } from '../../engines/contexts/index.ts';
import { cornerHarris, encodePicture, findCorners, readPicture } from '../../kernels/index.ts';
import { softwareGpuEnv } from '../../src/cluster/launchers/software-gpu.ts';
import { ContextError } from '../../src/errors.ts';
import type { DeviceReport } from '../../src/protocol/messages/engine-record.ts';
import { bright } from './bright-pictures.ts';
import { type Rig, startRig } from './cluster.ts';
import { assertFound } from './golden-check.ts';
import { f1, goldens, responseError } from './golden-corners.ts';
import { type Suite, suite } from './suite.ts';

type Kind = DeviceReport['kind'];

/** Why this context cannot be opened here; undefined: it can. */
async function missing(kind: Kind): Promise<string | undefined> {
  if (kind === 'webgpu') return noSoftwareGpu();
  const probe = (await probeAll({ threads: 1 }))[kind];
  return probe.ok ? undefined : probe.reason;
}

async function noSoftwareGpu(): Promise<string | undefined> {
  try {
    await softwareGpuEnv();
    return undefined;
  } catch (error) {
    if (error instanceof ContextError) return error.message;
    throw error;
  }
}

/** Declares every golden picture on two engines of each context, or the skip. */
export async function declareGoldens(kinds: readonly Kind[]): Promise<void> {
  for (const kind of kinds) {
    const test = suite(`corners on ${kind} engines`);
    const reason = await missing(kind);
    if (reason === undefined) declare(test, kind);
    else for (const { name } of goldens) test.skip(name, reason);
    test.run();
  }
}

function declare(test: Suite, kind: Kind): void {
  let rig: Rig;
  test.before(async () => {
    rig = await startRig(2, { device: kind, softwareGpu: kind === 'webgpu' });
  });
  test.after(() => rig.stop());
  test(`two engines of ${kind}`, () => {
    assert.equal(
      rig.rc.engines.map(({ device }) => device.kind),
      [kind, kind],
    );
  });
  goldens.forEach((wanted, i) => {
    test(`${wanted.name}: the response`, async () => {
      const { image } = await readPicture(wanted.path);
      const response = await rig.rc.view(i % 2).apply(cornerHarris, image);
      const error = responseError(response, wanted);
      assert.ok(error <= 1e-4, `response off by ${error} of its maximum`);
    });
  });
  test('the same corners at any brightness', async () => {
    const pictures = Object.values(bright(96));
    const at = (offset: number) => Promise.all(pictures.map((picture) => encodePicture(picture(offset))));
    const dark = await rig.v.map(findCorners, await at(0));
    for (const offset of [60, 175]) {
      const found = await rig.v.map(findCorners, await at(offset));
      for (const [i, { corners }] of found.entries()) {
        assert.ok(corners.length >= 8);
        assert.ok(f1(corners, dark[i]!.corners) >= 0.98, `+${offset}: F1 ${f1(corners, dark[i]!.corners)}`);
      }
    }
  });
  test('corners and subpixel positions of all pictures, mapped', async () => {
    const jobs = goldens.map(({ path }) => path);
    const options = goldens.map(() => ({ subpix: {}, like: 'skimage' as const }));
    const found = await rig.v.map(findCorners, jobs, options);
    for (const [i, wanted] of goldens.entries()) assertFound(found[i]!, wanted);
  });
}
