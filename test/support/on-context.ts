// Runs shared cases on a real cluster of one context; where the context cannot be opened, says so and skips.
import { probeContext } from '../../engines/contexts/index.ts';
import { softwareGpuEnv } from '../../src/cluster/launchers/software-gpu.ts';
import type { StartOptions } from '../../src/cluster/start-options.ts';
import { ContextError } from '../../src/errors.ts';
import type { DeviceReport } from '../../src/protocol/messages/engine-record.ts';
import { type Rig, startRig } from './cluster.ts';
import { type Suite, suite } from './suite.ts';

export interface OnContext extends StartOptions {
  readonly device: DeviceReport['kind'];
  readonly engines: number;
}

/** Declares and runs `cases`. Engines on software Vulkan need more of them than of anything: keep shapes small. */
export async function onContext(
  title: string,
  options: OnContext,
  cases: (test: Suite, rig: () => Rig) => void,
): Promise<void> {
  const test = suite(title);
  const reason = await missing(options);
  if (reason !== undefined) test.skip('all', reason);
  else {
    let rig: Rig;
    test.before(async () => {
      rig = await startRig(options.engines, options);
    });
    test.after(() => rig.stop());
    cases(test, () => rig);
  }
  test.run();
}

/** Why the context cannot be opened here, if so. */
async function missing({ device, softwareGpu }: OnContext): Promise<string | undefined> {
  // The engines get the driver's variables from the launcher; this process has not got them, and so cannot probe.
  const found: Promise<unknown> = softwareGpu === true ? softwareGpuEnv() : probeContext(device, { threads: 1 });
  return found.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof ContextError) return error.message;
      throw error;
    },
  );
}
