// Runs a test file once more in a child that finds the software Vulkan driver: the loader reads its variables at start.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { softwareGpuEnv } from '../../src/cluster/launchers/software-gpu.ts';
import { ContextError } from '../../src/errors.ts';

const MARK = 'DIRECTVIEW_TEST_SOFTWARE_GPU';

/**
 * True in the child, where tests are to be declared and run. In the parent it runs the child, takes over its exit code, and
 * gives false; without the driver it reports the file as skipped.
 */
export async function inSoftwareGpu(url: string, title: string): Promise<boolean> {
  if (process.env[MARK] === '1') return true;
  const env = await softwareGpuEnv().catch((error: unknown) => {
    if (error instanceof ContextError) return error;
    throw error;
  });
  if (env instanceof ContextError) {
    console.log(`SKIPPED ${title}: all (${env.message})`);
    return false;
  }
  const child = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(url)], {
    env: { ...process.env, ...env, [MARK]: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = child.status ?? 1;
  return false;
}
