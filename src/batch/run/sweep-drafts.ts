import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAbandonedDraft } from '../../util/atomic-write.ts';
import { fsPath } from '../../util/byte-names.ts';
import { inLanes } from '../plan/lanes.ts';
import type { BatchPlan } from '../plan/plan.ts';

/**
 * Removes the drafts that engines or clients left which were killed as they wrote. It looks into the folders of this batch's
 * outputs, and leaves the drafts of processes that live, or of other machines.
 */
export async function sweepDrafts({ work, done, options }: BatchPlan): Promise<void> {
  const files = [...work, ...done].map(({ outputs }) => outputs?.drawTo);
  const folders = new Set([...files, options.sheet, options.html].filter((path) => path !== undefined).map(dirname));
  await inLanes([...folders], async (folder) => {
    // A folder that is not there yet has none; what cannot be listed or removed stays, and harms nobody.
    const names = await readdir(fsPath(folder)).catch(() => []);
    const drafts = names.filter(isAbandonedDraft).map((name) => join(folder, name));
    await Promise.all(drafts.map((path) => rm(fsPath(path), { force: true }).catch(() => {})));
  });
}
