// Misspelt options and values of the wrong kind are refused by every picture function, as the command line refuses them.
import * as assert from 'uvu/assert';
import * as pictures from '../../../kernels/index.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { golden } from '../../support/golden-corners.ts';
import { suite } from '../../support/suite.ts';

const test = suite('options of picture functions');
const grey = new Tensor('float32', [8, 8]);
const { path } = golden('coins');
const job = { path, options: {} };

type Call = (options: never) => unknown;
const FUNCTIONS: Readonly<Record<string, Call>> = {
  cornerHarris: (o) => pictures.cornerHarris(grey, o),
  cornerShiTomasi: (o) => pictures.cornerShiTomasi(grey, o),
  cornerPeaks: (o) => pictures.cornerPeaks(grey, o),
  cornerSubpix: (o) => pictures.cornerSubpix(grey, [], o),
  findCorners: (o) => pictures.findCorners(path, o),
  getCornersImage: (o) => pictures.getCornersImage(path, o),
  getPictures: (o) => pictures.getPictures('.', o),
  readPicture: (o) => pictures.readPicture(path, o),
  drawCorners: (o) => pictures.drawCorners(grey, [], o),
  plotCorners: (o) => pictures.plotCorners(grey, [], o),
  plotResponse: (o) => pictures.plotResponse(grey, o),
  encodePicture: (o) => pictures.encodePicture(grey, o),
  writePicture: (o) => pictures.writePicture('/nowhere/x.png', grey, o),
  contactSheet: (o) => pictures.contactSheet([], o),
  cornersOfFile: (o) => pictures.cornersOfFile({ ...job, options: o }),
};

async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

for (const [name, call] of Object.entries(FUNCTIONS)) {
  test(`${name}: an unknown name, and options that are none`, async () => {
    const unknown = await errorOf(() => call({ no_such_option: 1 } as never));
    assert.instance(unknown, TypeError);
    assert.match(unknown.message, new RegExp(`${name}.*unknown option 'no_such_option'`));
    for (const wrong of [5, true, [1]]) assert.instance(await errorOf(() => call(wrong as never)), TypeError);
  });
}

const WRONG: readonly [keyof typeof FUNCTIONS, object, RegExp][] = [
  ['cornerPeaks', { min_distance: 1 }, /did you mean 'minDistance'/],
  ['findCorners', { mindistance: 30 }, /did you mean 'minDistance'/],
  ['findCorners', { exclude_border: false }, /did you mean 'excludeBorder'/],
  ['findCorners', { channels: 'rgb' }, /unknown option 'channels'/],
  ['findCorners', { like: 'opencv' }, /like is/],
  ['findCorners', { border: 'mirror' }, /border is one of/],
  ['findCorners', { subpix: { window_size: 3 } }, /did you mean 'windowSize'/],
  ['readPicture', { channels: 3 }, /channels is/],
  ['readPicture', { lenient: 'yes' }, /lenient is true or false, not 'yes'/],
  ['readPicture', { page: '1' }, /page is a number, not '1'/],
  ['cornerPeaks', { excludeBorder: [1, 2] }, /excludeBorder is a number/],
  ['drawCorners', { colour: 'red' }, /did you mean 'color'/],
  ['plotCorners', { on: 'colour' }, /on is .*'grey'.*'color', not 'colour'/],
  ['plotCorners', { marksize: 9 }, /did you mean 'markSize'/],
  ['writePicture', { Quality: 9 }, /did you mean 'quality'/],
  ['contactSheet', { frame: true }, /did you mean 'frames'/],
  ['cornersOfFile', { min_distance: 1 }, /did you mean 'minDistance'/],
];
for (const [name, options, message] of WRONG) {
  test(`${name} ${JSON.stringify(options)}`, async () => {
    const error = await errorOf(() => (FUNCTIONS[name] as Call)(options as never));
    assert.match(error.message, message);
  });
}

test('every picture function with options is here', () => {
  const without = ['thumbnail', 'runOperation'];
  const names = Object.keys(pictures).filter((name) => !without.includes(name));
  assert.equal(Object.keys(FUNCTIONS).sort(), names.sort());
});

test.run();
