// Walks every part that a card gets, in small sizes, against the stand-ins: a rehearsal of the order, the arguments and the
// files of a run on a card. Exit codes are those of the check-up. With --archive it is the tree of the archive that walks, by its
// node and with no variable but PATH and those of the stand-ins: a file that the archive lacks shows here.
//   node dist/test/support/stub-card/rehearse.js [--archive out/gpu-checkup.tar.gz] [--out FOLDER] [--budget SECONDS]
//                                                [--only PART,PART]
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Checkup } from '../../../bench/checkup/checkup.ts';
import { preflight } from '../../../bench/checkup/preflight.ts';
import { buildStubCard } from './build.ts';
import { smallParts } from './small-parts.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** The stand-ins, which the archive lacks: as compiled, and their sources in C and Python. */
const STAND_INS = [
  'test/support/stub-card',
  'test/support/cuda-stub',
  'dist/test/support/stub-card',
  'dist/test/support/cuda-stub',
];
const { values } = parseArgs({
  options: {
    archive: { type: 'string' },
    out: { type: 'string', default: 'stub-card-results' },
    budget: { type: 'string', default: '480' },
    only: { type: 'string', default: '' },
  },
});

/** The exit code of the rehearsal in a folder of its own. */
function ofArchive(archive: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'dv-archive-'));
  try {
    execFileSync('tar', ['xzf', archive, '-C', folder]);
    const app = join(folder, 'gpu-checkup', 'app');
    for (const name of STAND_INS) cpSync(join(ROOT, name), join(app, name), { recursive: true });
    const kept = Object.entries(process.env).filter(([name]) => /^(PATH|(VK_)?STUB_.*)$/.test(name));
    const args = ['--out', resolve(values.out), '--budget', values.budget, '--only', values.only];
    const script = join(app, 'dist', 'test', 'support', 'stub-card', 'rehearse.js');
    const node = join(folder, 'gpu-checkup', 'node');
    const { status } = spawnSync(node, [script, ...args], { env: Object.fromEntries(kept), stdio: 'inherit' });
    return status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ofThisTree(): Promise<number> {
  using card = await buildStubCard();
  Object.assign(process.env, card.env);
  const only = values.only.split(',').filter((name) => name !== '');
  const parts = smallParts().filter(({ name }) => only.length === 0 || only.includes(name));
  const print = (line: string) => console.log(line);
  const budget = Number(values.budget);
  return await new Checkup({ budget, out: values.out, software: false, parts, find: preflight, print }).run();
}

process.exitCode = values.archive === undefined ? await ofThisTree() : ofArchive(values.archive);
