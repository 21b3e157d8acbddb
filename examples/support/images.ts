// The notebook's image cells: corners in photographs, found and drawn on the engines.
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type DirectView, findCorners, getCornersImage, getPictures, plotCorners } from 'directview';
import { cell, check, dataPath } from './tour.ts';

const OUT = 'out';
// The corners that scikit-image 0.19.3 finds in camera.png: how many, and the three strongest.
const CAMERA = {
  count: 41,
  strongest: [
    [332, 287],
    [209, 179],
    [263, 284],
  ],
};

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const isPng = (bytes: Uint8Array) => isDeepStrictEqual([...bytes.subarray(0, 8)], PNG);

/** Writes a picture that an engine has drawn, and says where: the notebook shows it here. */
async function show(picture: string, png: Uint8Array): Promise<void> {
  const path = join(OUT, `${basename(picture).replace(/\.\w+$/, '')}-corners.png`);
  await mkdir(OUT, { recursive: true });
  await writeFile(path, png);
  console.log(`${path}: ${png.length} bytes`);
}

export async function images(e0: DirectView<'one'>, engines: DirectView<'many'>): Promise<void> {
  cell('pictures = get_pictures("images"); pictures');
  const pictures = await getPictures(dataPath());
  console.log(pictures.map((path) => basename(path)));
  check('photographs, sorted', pictures.length >= 4 && isDeepStrictEqual(pictures, [...pictures].sort()));

  cell('%px cd images; %px import the picture functions');
  const folder = dirname(pictures[0] as string);
  await engines.px`process.chdir(${folder})`;
  const there = await engines.apply(() => process.cwd());
  check('every engine is in the folder of pictures', new Set(there).size === 1);

  cell('engines.push(dict(plot_corners=plot_corners, find_corners=find_corners))');
  await engines.push({ plotCorners, findCorners });
  const { corners } = await e0.apply((name: string) => findCorners(name, { minDistance: 5 }), 'camera.png');
  console.log(corners.slice(0, 3));
  check('as many corners as scikit-image finds', corners.length === CAMERA.count);
  check('the strongest where scikit-image has them', isDeepStrictEqual(corners.slice(0, 3), CAMERA.strongest));

  cell('amr = e0.apply_async(get_corners_image, pictures[0]); amr.wait_interactive(); Image(amr.get())');
  const first = e0.apply(getCornersImage, pictures[0] as string);
  await first.waitInteractive();
  const png = await first;
  await show(pictures[0] as string, png);
  check('PNG bytes come back', isPng(png));

  cell('amr = engines.map_async(get_corners_image, pictures[:4]); for pic in amr: display(Image(pic))');
  const some = pictures.slice(0, 4);
  const amr = engines.map(getCornersImage, some);
  check('one message per engine', amr.msgIds.length === 4);
  let shown = 0;
  for await (const picture of amr) {
    await show(some[shown] as string, picture);
    check(`picture ${++shown} is a PNG`, isPng(picture));
  }
  check('four pictures, in order', shown === 4);
}
