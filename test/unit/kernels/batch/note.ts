import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { type Note, noteOf, withNote } from '../../../../kernels/batch/note.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('kernels/batch/note');
const folder = temporaryFolder('directview-note-');
test.after(() => rmSync(folder, { recursive: true }));

const NOTE: Note = {
  kind: 'drawing',
  path: '/photos/日本 "q" \udce9.png',
  size: 7,
  mtime: 123,
  run: 'abc',
  style: 'd',
};
const raw = { width: 33, height: 21, channels: 3 } as const;
const pixels = Buffer.from(Array.from({ length: 33 * 21 * 3 }, (_, i) => (i * 37) % 256));

for (const format of ['png', 'jpeg', 'webp', 'tiff'] as const) {
  test(`${format}: the note comes back, and the picture is as before`, async () => {
    const plain = await sharp(pixels, { raw }).toFormat(format).toBuffer();
    const noted = withNote(plain, NOTE);
    const path = join(folder, `x.${format}`);
    writeFileSync(path, noted);
    assert.equal(await noteOf(path), NOTE);
    const decode = (bytes: Uint8Array) => sharp(bytes, { failOn: 'warning' }).raw().toBuffer();
    assert.equal(await decode(noted), await decode(plain));
    writeFileSync(path, plain);
    assert.is(await noteOf(path), undefined);
  });
}

test('no file, and no picture', async () => {
  assert.is(await noteOf(join(folder, 'none.png')), null);
  writeFileSync(join(folder, 'text'), 'directview-note:{"kind":');
  assert.is(await noteOf(join(folder, 'text')), undefined);
  assert.equal(withNote(Buffer.from('text'), NOTE), Buffer.from('text'));
});

test.run();
