// docs/tf.md says how each context has each op of tfjs: today's table is the committed one, and no value is wrong.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { documentedIn, type Ratings, rowsOf } from '../../bench/tf-ops/table.ts';
import { rated, seenBy } from '../../bench/tf-ops/walk.ts';
import { type Rig, startRig } from './cluster.ts';
import type { Suite } from './suite.ts';

const DOCUMENT = readFileSync(new URL('../../../docs/tf.md', import.meta.url), 'utf8');

/** The values of the cpu context, which the others are compared with. */
async function reference(): ReturnType<typeof seenBy> {
  const rig = await startRig(1);
  try {
    return await seenBy(rig.e0);
  } finally {
    await rig.stop();
  }
}

export function tfTableCases(test: Suite, rig: () => Rig): void {
  test('each op of tf is as the documents say, and none is wrong', async () => {
    const { e0, rc } = rig();
    const context = String(rc.engines[0]?.device.kind);
    const ratings: Ratings = new Map([[context, rated(await seenBy(e0), await reference())]]);
    const found = Object.fromEntries(rowsOf(ratings) as [string, string][]);
    const bad = Object.entries(found).filter(([, word]) => /wrong|fails/.test(word));
    assert.equal(bad, []);
    assert.equal(found, documentedIn(DOCUMENT, context));
    assert.ok((ratings.get(context)?.size ?? 0) > 400);
    await e0.clear();
  });
}
