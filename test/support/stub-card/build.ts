// Stand-ins for a whole machine with a card: its Vulkan driver, which is the software driver under the name of a card, CUDA's
// libraries, nvidia-smi and PyTorch. So the ways of a card are walked without one.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { softwareGpuEnv } from '../../../src/cluster/launchers/software-gpu.ts';
import { ContextError } from '../../../src/errors.ts';
import { buildStub, stubMissing } from '../cuda-stub/build.ts';

const SOURCES = fileURLToPath(new URL('../../../../test/support/stub-card/', import.meta.url));

/** The UUID that nvidia-smi and CUDA tell. */
export const STUB_UUID = 'GPU-00010203-0405-0607-0809-0a0b0c0d0e0f';

/** The folder whose module `torch` is a stand-in: for PYTHONPATH. */
export const STUB_TORCH = SOURCES;

/** A machine with a card that is none. */
export interface StubCard extends Disposable {
  /** Variables with which processes find it; engines get them, too. */
  readonly env: Readonly<Record<string, string>>;
}

/** The reason why it cannot be built here; undefined where it can. */
export async function stubCardMissing(): Promise<string | undefined> {
  const software = await softwareGpuEnv().catch((error: unknown) => error);
  if (software instanceof ContextError) return software.message;
  return stubMissing();
}

/** Compiles the stand-ins into folders of their own, which disposing removes. */
export async function buildStubCard(): Promise<StubCard> {
  const folder = mkdtempSync(join(tmpdir(), 'dv-stub-card-'));
  const cuda = await buildStub();
  const software = await softwareGpuEnv();
  const driver = join(folder, 'libstub_vulkan.so');
  execFileSync('gcc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-w',
    '-fvisibility=hidden',
    '-o',
    driver,
    join(SOURCES, 'vulkan.c'),
    '-ldl',
  ]);
  const icd = join(folder, 'icd.json');
  const entry = { library_path: driver, api_version: '1.1.0' };
  writeFileSync(icd, JSON.stringify({ file_format_version: '1.0.0', ICD: entry }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  copyFileSync(join(SOURCES, 'nvidia-smi.sh'), join(bin, 'nvidia-smi'));
  chmodSync(join(bin, 'nvidia-smi'), 0o755);
  return {
    env: {
      ...software,
      VK_DRIVER_FILES: icd,
      VK_ICD_FILENAMES: icd,
      VK_STUB_DRIVER: join((software['LD_LIBRARY_PATH'] as string).split(':')[0] as string, 'libvk_swiftshader.so'),
      DIRECTVIEW_CUDA_PATH: cuda.folder,
      PYTHONPATH: STUB_TORCH,
      PATH: `${bin}:${process.env['PATH']}`,
    },
    [Symbol.dispose]() {
      cuda.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
