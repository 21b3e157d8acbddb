// Borders: the pixels outside of a picture, thresholds from the pixels that may be peaks, and brightness that changes
// nothing. Every backend against the brute-force reference.
import * as assert from 'uvu/assert';
import { pixelFor } from '../../../../kernels/corners/border.ts';
import { findCorners } from '../../../../kernels/corners/find-corners.ts';
import type { PeaksOptions, ResponseOptions } from '../../../../kernels/corners/options.ts';
import { cornerPeaks, cornersOf } from '../../../../kernels/corners/peaks.ts';
import { referencePeaks, referenceResponse } from '../../../../kernels/corners/reference.ts';
import { cornerHarris, cornerShiTomasi } from '../../../../kernels/corners/response.ts';
import type { TF } from '../../../../kernels/device.ts';
import { floatImage } from '../../../../kernels/image.ts';
import { encodePicture } from '../../../../kernels/pictures/encode-picture.ts';
import { readPicture } from '../../../../kernels/pictures/read-picture.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { allClose, rejects } from '../../../support/assert.ts';
import { bright } from '../../../support/bright-pictures.ts';
import { f1, golden, noise, plate, raster, rectangles } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { byOps, onBackend, openBackends } from '../../../support/tfjs.ts';

const test = suite('corners at the border');
const BORDERS = ['reflect', 'nearest', 'zero'] as const;

test('positions outside: mirrored without the outermost pixel, repeated, at any distance', () => {
  const line = (n: number, border: 'reflect' | 'nearest') =>
    Array.from({ length: n + 8 }, (_, i) => pixelFor(i - 4, n, border));
  assert.equal(line(3, 'reflect'), [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
  assert.equal(line(3, 'nearest'), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]);
  assert.equal(line(2, 'reflect'), [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  assert.equal(line(1, 'reflect'), Array(9).fill(0));
});

// scikit-image 0.19.3: structure_tensor(coins, sigma=1, mode=…, order='rc'), then det − 0.05·tr².
const AT = [0, 383, 302 * 384, 302 * 384 + 383, 200, 384 + 7, 150 * 384, 302 * 384 + 190, 142 * 384 + 55];
const GOLDEN: Readonly<Record<'reflect' | 'nearest', readonly number[]>> = {
  reflect: [
    0.04944770958516257, -3.3301529221942763e-6, 2.511606437180248e-6, 5.282053792944511e-7, 1.5353549659983289e-6,
    4.063312346947252e-7, 8.11480601896596e-7, 4.117087313515631e-6, 2.6879262239199533,
  ],
  nearest: [
    -0.023789088941558262, 1.024517103496247e-6, 4.138397196901761e-5, 1.102244179349551e-7, 5.262685417217056e-6,
    6.246779963291227e-7, 9.201193089095292e-7, 2.067369027667377e-6, 2.6879262239199533,
  ],
};
const SUMS = { reflect: -1160.888947294142, nearest: -1162.6812052138446 };
for (const border of ['reflect', 'nearest'] as const) {
  test(`${border}: the values of scikit-image`, async () => {
    const { image } = await readPicture(golden('coins').path, { dtype: 'float64' });
    const response = referenceResponse(image, { border });
    allClose(
      AT.map((i) => response.at(i)),
      GOLDEN[border],
      { rtol: 1e-9, atol: 1e-15 },
    );
    allClose([(response.data as Float64Array).reduce((a, b) => a + b, 0)], [SUMS[border]], { rtol: 1e-12 });
  });
}

const SHAPES: readonly [number, number][] = [
  [1, 1],
  [1, 20],
  [20, 1],
  [2, 3],
  [3, 90],
  [9, 8],
  [37, 26],
];
const RULES: readonly ResponseOptions[] = [
  {},
  { sigma: 0 },
  { sigma: 2.5, k: 0.2 },
  { sigma: 11, method: 'eps', eps: 0.1 },
  { method: 'shi-tomasi' },
];

function respond(tf: TF, image: Tensor, { method = 'k', ...rest }: ResponseOptions): Promise<Tensor> {
  return method === 'shi-tomasi' ? cornerShiTomasi(tf, image, rest) : cornerHarris(tf, image, { method, ...rest });
}

const PEAKS: readonly PeaksOptions[] = [
  {},
  { minDistance: 0 },
  { minDistance: 2, thresholdRel: null },
  { minDistance: 2, thresholdRel: null, excludeBorder: false },
  { minDistance: 2, thresholdAbs: -9, thresholdRel: null, excludeBorder: false },
  { minDistance: 3, thresholdRel: 0.5, excludeBorder: 7 },
  { minDistance: 4, excludeBorder: 1, numPeaks: 3 },
  { minDistance: 200 },
];

for (const { name, reason } of await openBackends()) {
  const on = (title: string, body: (tf: TF) => Promise<void>) => {
    if (reason !== undefined) return test.skip(`${title} on ${name}`, reason);
    test(`${title} on ${name}`, () => onBackend(name, body));
    test(`${title} by tf ops on ${name}`, () => onBackend(name, (tf) => body(byOps(tf))));
  };

  on('the response of every shape, rule and border', async (tf) => {
    for (const border of BORDERS) {
      for (const [rows, cols] of SHAPES) {
        for (const rule of RULES) {
          const image = noise(rows, cols);
          const wanted = referenceResponse(image, { ...rule, border });
          const got = await respond(tf, image, { ...rule, border });
          const most = (wanted.data as Float64Array).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
          allClose(got.data, wanted.data, { rtol: 0, atol: 1e-5 * most + 1e-9 });
        }
      }
    }
  });

  on('peaks with nothing outside, as the reference', async (tf) => {
    const below = noise(31, 42);
    const negative = new Tensor(
      'float64',
      [31, 42],
      Float64Array.from(below.data, (v) => v - 2),
    );
    for (const response of [below, negative, noise(5, 60), noise(1, 1), noise(1, 20)]) {
      for (const rule of PEAKS) {
        const wanted = referencePeaks(response, { ...rule, outside: 'ignored' });
        assert.equal(await cornerPeaks(tf, response, { ...rule, outside: 'ignored' }), wanted, JSON.stringify(rule));
      }
    }
  });

  on('response and peaks in one go give the same corners, with the response of each', async (tf) => {
    for (const border of BORDERS) {
      const options = { border, outside: 'ignored', minDistance: 3 } as const;
      const response = await cornerHarris(tf, noise(60, 70), options);
      const { corners, responses, hint } = await cornersOf(tf, await floatImage(noise(60, 70)), options);
      assert.equal(corners, await cornerPeaks(tf, response, options));
      assert.ok(corners.length > 5);
      assert.equal(
        [...responses],
        corners.map(([r, c]) => response.at(r * 70 + c)),
      );
      assert.is(hint, undefined);
    }
  });
}

for (const name of ['wasm', 'cpu'] as const) {
  test(`the same corners at any brightness on ${name}`, () =>
    onBackend(name, async (tf) => {
      for (const [kind, picture] of Object.entries(bright(name === 'cpu' ? 96 : 384))) {
        const dark = (await findCorners(tf, await encodePicture(picture(0)))).corners;
        assert.ok(dark.length >= 8, `${kind}: ${dark.length} corners`);
        for (const offset of [30, 60, 120, 175]) {
          const { corners } = await findCorners(tf, await encodePicture(picture(offset)));
          assert.ok(f1(corners, dark) >= 0.98, `${kind} +${offset}: F1 ${f1(corners, dark)}`);
        }
      }
    }));
}

for (const border of [undefined, ...BORDERS]) {
  test(`pale bricks and cells with border ${border ?? 'as it is by default'}: the same corners from +0 to +175`, () =>
    onBackend('wasm', async (tf) => {
      for (const [kind, picture] of Object.entries(bright(256))) {
        for (const more of [
          {},
          { method: 'shi-tomasi' },
          { method: 'eps', sigma: 2 },
          { minDistance: 8, numPeaks: 60 },
        ] as const) {
          const options = { ...more, border };
          const dark = (await findCorners(tf, await encodePicture(picture(0)), options)).corners;
          assert.ok(dark.length >= 8, `${kind}: ${dark.length} corners`);
          for (const offset of [25, 50, 75, 100, 125, 150, 175]) {
            const { corners } = await findCorners(tf, await encodePicture(picture(offset)), options);
            const where = `${kind} +${offset} ${JSON.stringify(options)}: ${corners.length} of ${dark.length}`;
            assert.ok(f1(corners, dark) >= 0.98, `${where}, F1 ${f1(corners, dark)}`);
          }
        }
      }
    }));
}

const on = (body: (tf: TF) => Promise<void>) => () => onBackend('wasm', body);

test(
  'corners beside the border are found at every brightness or at none, for any reach of filters and peaks',
  on(async (tf) => {
    for (const border of BORDERS) {
      for (const options of [{}, { sigma: 2 }, { minDistance: 2 }, { minDistance: 9 }]) {
        for (let at = 4; at < 16; at++) {
          const corners = async (offset: number) => {
            const image = rectangles([60, 60], [at, 59 - at, at, 59 - at, 0.3]).map((v) => v + offset);
            return (await findCorners(tf, await encodePicture(image, { depth: 8 }), { ...options, border })).corners;
          };
          const [dark, light] = [await corners(0), await corners(0.65)];
          assert.ok(
            f1(light, dark) >= 0.98 || light.length + dark.length === 0,
            `${border} ${JSON.stringify(options)} ${at}`,
          );
        }
      }
    }
  }),
);

test(
  'camera.png, pale: 40 corners and more at any brightness; like scikit-image they vanish',
  on(async (tf) => {
    const { paled } = await import('../../../support/bright-pictures.ts');
    const dark = (await findCorners(tf, await paled(golden('camera').path, 0))).corners;
    assert.ok(dark.length > 38);
    for (const offset of [60, 120, 175]) {
      const bytes = await paled(golden('camera').path, offset);
      assert.ok(f1((await findCorners(tf, bytes)).corners, dark) >= 0.98);
      assert.ok((await findCorners(tf, bytes, { like: 'skimage' })).corners.length <= 1);
    }
  }),
);

test(
  'an edge that meets the border at a slant is no corner there',
  on(async (tf) => {
    const slanted = new Tensor(
      'float32',
      [60, 60],
      Float32Array.from({ length: 3600 }, (_, i) => {
        const distance = (Math.floor(i / 60) - 0.6 * (i % 60) - 5) / 2;
        return 1 / (1 + Math.exp(-distance));
      }),
    );
    for (const border of ['reflect', 'nearest'] as const) {
      const response = await cornerHarris(tf, slanted, { border });
      const zero = await cornerHarris(tf, slanted, { border: 'zero' });
      const highest = (all: Tensor) => (all.data as Float32Array).reduce((a, b) => Math.max(a, b), 0);
      assert.ok(highest(response) < highest(zero) / 50, `${border}: ${highest(response)} of ${highest(zero)}`);
    }
  }),
);

test(
  'negative responses near the border are peaks when nothing lies outside',
  on(async (tf) => {
    const response = new Tensor('float64', [30, 30], new Float64Array(900).fill(-9));
    response.data[3 * 30 + 3] = -1;
    response.data[20 * 30 + 20] = -2;
    const rule = { minDistance: 5, thresholdRel: null, excludeBorder: false } as const;
    assert.equal(await cornerPeaks(tf, response, rule), [[20, 20]], 'as scikit-image 0.19');
    assert.equal(await cornerPeaks(tf, response, { ...rule, outside: 'ignored' }), [
      [3, 3],
      [20, 20],
    ]);
  }),
);

test(
  'strips with a border find what one piece finds',
  on(async (tf) => {
    const image = noise(2900, 1500);
    const rule = { minDistance: 20, thresholdRel: 0.3, border: 'reflect', outside: 'ignored' } as const;
    const { corners, responses } = await cornersOf(tf, await floatImage(image), rule);
    assert.equal(corners, await cornerPeaks(tf, await cornerHarris(tf, image, { border: 'reflect' }), rule));
    assert.ok(corners.length > 500);
    assert.ok(responses.every((value, i) => i === 0 || value <= (responses[i - 1] as number)));
  }),
);

const HINTS: readonly [string, Tensor, PeaksOptions, RegExp][] = [
  ['a small picture', rectangles([9, 9], [4, 8, 4, 8, 1]), {}, /every pixel of \[9, 9\] .* border of 5 pixels/],
  ['a flat picture', rectangles([40, 40], [0, 39, 0, 39, 0.7]), {}, /the picture is flat/],
  ['an edge', rectangles([40, 40], [0, 19, 0, 39, 1]), {}, /no pixel responds as a corner/],
  ['a high threshold', plate(), { thresholdAbs: 100 }, /strongest response is 20\.\d+: lower thresholdAbs/],
  ['all of the maximum', plate(), { thresholdRel: 1 }, /strongest response is 20\.\d+: lower thresholdRel/],
];
for (const [title, image, options, hint] of HINTS) {
  test(
    `no corner, and a hint: ${title}`,
    on(async (tf) => {
      const rule = { border: 'reflect', outside: 'ignored', ...options } as const;
      const found = await cornersOf(tf, await floatImage(image), rule);
      assert.equal([found.corners, found.responses.length], [[], 0]);
      assert.match(found.hint ?? '', hint);
    }),
  );
}

test(
  'like scikit-image, the hint names the response in the border',
  on(async (tf) => {
    const pale = new Tensor(
      'float64',
      [32, 40],
      Float64Array.from(plate().data, (v) => 0.7 + 0.1 * v),
    );
    const found = await cornersOf(tf, await floatImage(pale), {});
    assert.equal(found.corners, []);
    assert.match(found.hint ?? '', /thresholdRel is a part of .*, a response in the excluded border/);
    const reflected = await cornersOf(tf, await floatImage(pale), { border: 'reflect', outside: 'ignored' });
    assert.equal(raster(reflected.corners), [
      [8, 10],
      [8, 29],
      [21, 10],
      [21, 29],
    ]);
  }),
);

test(
  'a picture whose only pixel inside of the border is a corner',
  on(async (tf) => {
    const response = new Tensor('float64', [9, 9]);
    response.data[4 * 9 + 4] = 3;
    assert.equal(await cornerPeaks(tf, response, { minDistance: 4, outside: 'ignored' }), [[4, 4]]);
  }),
);

test(
  'bad options, and pictures that float32 cannot square twice',
  on(async (tf) => {
    const image = noise(8, 8);
    const wrong = (options: object) => options as { border: 'zero' };
    const wrongPeaks = (options: object) => options as PeaksOptions;
    await rejects(() => cornerHarris(tf, image, wrong({ border: 'mirror' })), RangeError, /border is 'reflect'/);
    await rejects(
      () => cornerPeaks(tf, image, wrongPeaks({ outside: 0 })),
      RangeError,
      /outside is 'zero' or 'ignored'/,
    );
    const pair = wrongPeaks({ excludeBorder: [1, 2] });
    await rejects(() => cornerPeaks(tf, image, pair), RangeError, /excludeBorder is .*, not \[1,2\]/);
    await rejects(
      () => findCorners(tf, golden('coins').path, wrong({ like: 'opencv' })),
      RangeError,
      /like is 'skimage'/,
    );
    const wide = { sigma: 1000, border: 'reflect' } as const;
    await rejects(() => cornerHarris(tf, image, wide), RangeError, /sigma 1000 needs 4000 pixels around/);
    assert.equal((await cornerHarris(tf, image, { sigma: 1000 })).shape, [8, 8]);
    for (const scale of [1e-12, 1e10, 1e20]) {
      const scaled = new Tensor(
        'float64',
        [8, 8],
        Float64Array.from(image.data, (v) => v * scale),
      );
      await rejects(() => cornerHarris(tf, scaled), RangeError, /does not fit float32\. Scale the image to 0\.\.1/);
      await rejects(() => cornerShiTomasi(tf, scaled), RangeError, /Scale the image/);
    }
  }),
);

test(
  'rows of numbers are a picture; a vector, nothing and text are refused by name',
  on(async (tf) => {
    const rows = plate().toNested() as number[][];
    assert.equal((await cornerHarris(tf, rows)).data, (await cornerHarris(tf, plate())).data);
    const any = (value: unknown) => cornerHarris(tf, value as Tensor);
    await rejects(() => any(new Float32Array(16)), Error, /image is 2-D \[rows, cols\], not \[16\]/);
    await rejects(
      () => any(undefined),
      TypeError,
      /image is a Tensor, a tf\.Tensor or nested arrays .*, not undefined/,
    );
    await rejects(() => any('x.png'), TypeError, /not x\.png/);
    await rejects(() => any({}), TypeError, /not Object/);
    await rejects(() => any([[1, 2], [3]]), Error, /ragged/);
  }),
);

test.run();
