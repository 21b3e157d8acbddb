// The way of a card through the check-up, with a driver, CUDA, nvidia-smi and PyTorch that are stand-ins: it is found, each kind
// of part runs with the arguments of a card, and one that is lost in the middle costs its part only. All parts at once:
// test/support/stub-card/rehearse.ts.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Checkup } from '../../../../bench/checkup/checkup.ts';
import { ON_CARD, type Part } from '../../../../bench/checkup/parts.ts';
import { preflight } from '../../../../bench/checkup/preflight.ts';
import { buildStubCard, STUB_UUID, type StubCard, stubCardMissing } from '../../../support/stub-card/build.ts';
import { smallParts } from '../../../support/stub-card/small-parts.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('bench/checkup: a card');
const missing = await stubCardMissing();
const out = temporaryFolder('dv-card-test-');
test.after(() => rmSync(out, { recursive: true }));

interface Recorded {
  readonly exitCode: number;
  readonly preflight: {
    readonly adapter: { readonly adapter: string; readonly software: boolean };
    readonly cards: readonly Record<string, string>[];
  };
  readonly parts: readonly { readonly part: string; readonly code?: unknown; readonly skipped?: string }[];
  readonly rows: readonly Record<string, unknown>[];
  readonly seed: Record<string, string>;
  readonly summary: readonly { readonly figure: string; readonly value?: number }[];
}

async function run(card: StubCard, parts: readonly Part[], more: NodeJS.ProcessEnv = {}): Promise<Recorded> {
  const before = { ...process.env };
  Object.assign(process.env, card.env, more);
  try {
    const checkup = new Checkup({ budget: 900, out, software: false, parts, find: preflight, print: () => {} });
    await checkup.run();
  } finally {
    process.env = before;
  }
  return JSON.parse(readFileSync(join(out, 'checkup.json'), 'utf8')) as Recorded;
}

/** With time enough on a machine that has other things to do. */
const part = (name: string): Part => ({
  ...(smallParts().find((one) => one.name === name) as Part),
  share: { least: 0.1, most: 250 },
});
const named = (parts: readonly Part[]) => parts.map(({ name, script, early, byCuda }) => [name, script, early, byCuda]);

test('the small parts are those of a card, in their order', () => {
  assert.equal(named(smallParts()), named(ON_CARD));
  assert.ok(smallParts().every(({ args }) => args.every((arg) => !/\d{4}/.test(arg))));
});

if (missing !== undefined) test.skip('all', missing);
else {
  let card: StubCard;
  test.before(async () => {
    card = await buildStubCard();
  });
  test.after(() => card[Symbol.dispose]());

  test('it is found, measured and checked, and its table is the text that the product ships', async () => {
    const found = await run(card, ['float32', 'torch', 'cuda', 'float16', 'chain'].map(part));
    assert.equal([found.preflight.adapter.adapter, found.preflight.adapter.software], ['nvidia-h200-stub-', false]);
    assert.is(found.preflight.cards[0]?.['uuid'], STUB_UUID);
    assert.equal(
      found.parts.map(({ part: name, code }) => [name, code]),
      [
        ['float32', 0],
        ['torch', 0],
        ['cuda', 0],
        ['float16', 0],
        ['chain', 0],
      ],
    );
    assert.is(found.exitCode, 0);
    assert.equal(
      found.rows.filter(({ verified }) => typeof verified === 'string'),
      [],
    );
    assert.ok(found.rows.every(({ smMHz }) => smMHz === undefined || smMHz === 1980));
    for (const what of [
      'guess',
      'candidate',
      'tuned',
      'torch',
      'cuda float32',
      'cuda bfloat16',
      'transfers of 64 MiB',
    ]) {
      assert.ok(
        found.rows.some((row) => row['what'] === what),
        what,
      );
    }
    // Each product and transfer was compared, those from TF32 included.
    const byCuda = found.rows.filter(({ part: name }) => name === 'cuda');
    assert.ok(byCuda.every(({ verified }) => verified === true));
    assert.ok(byCuda.some(({ tf32 }) => tf32 === true));
    // The winner goes under the adapter's name, as the product looks it up.
    const [key = '', tile = ''] = Object.entries(found.seed)[0] ?? [];
    assert.match(key, 'nvidia-h200-stub-');
    assert.match(tile, /^(32x32|64x64)x16-4x4/);
    const text = readFileSync(join(out, 'seed.ts'), 'utf8');
    assert.ok(text.includes(`'${key}': '${tile}'`), text);
  });

  test('a card that is lost in the middle costs the parts that need it, in words, and the others run', async () => {
    const lost = await run(card, [part('tiles-int32'), part('torch')], { VK_STUB_SUBMITS: '12' });
    const [tiles, torch] = lost.parts;
    assert.is.not(tiles?.code, 0);
    assert.is(torch?.code, 0);
    assert.is(lost.exitCode, 1);
    assert.ok(lost.rows.some(({ part: name, verified }) => name === 'torch' && verified === true));
    assert.match(readFileSync(join(out, 'log.txt'), 'utf8'), /lost/i);
  });

  test('CUDA whose products are wrong leaves a row that says so, and no figure', async () => {
    const { exitCode, rows } = await run(card, [part('cuda')], { STUB_WRONG: '1' });
    assert.is(exitCode, 1);
    assert.equal(
      rows.map(({ what }) => what),
      ['opening'],
    );
    assert.match(rows[0]?.['verified'] as string, /products are wrong in \d+ cases/);
  });

  test('a card without room for the operands of some products costs these, each in words, and no other', async () => {
    const small = { ...part('cuda'), args: ['--sizes', '400,65', '--halves', '65'] };
    // The operands of the conformance suite have fewer bytes.
    const { rows, parts } = await run(card, [small], { STUB_LARGEST: '600000' });
    const NO_ROOM = 'the device is out of memory; free tensors or use more engines';
    assert.equal(
      rows.filter(({ verified }) => verified !== true).map(({ what, verified }) => [what, verified]),
      ['cuda float32', 'cuda float64', 'cuda int32', 'transfers of 64 MiB', 'cuda float32 (TF32)'].map((what) => [
        what,
        NO_ROOM,
      ]),
    );
    assert.ok(rows.some(({ what, verified }) => what === 'cuda float64' && verified === true));
    assert.is(parts[0]?.code, 0);
  });

  test('CUDA that loses its card ends that part with the reason, and PyTorch that hangs ends at its share', async () => {
    const lost = await run(card, [part('cuda'), { ...part('torch'), share: { least: 0.1, most: 2 } }], {
      STUB_LOST_AFTER: '40',
      STUB_TORCH: 'float32 hangs',
    });
    assert.equal(
      lost.parts.map(({ part: name, code }) => [name, code]),
      [
        ['cuda', 1],
        ['torch', 'SIGTERM'],
      ],
    );
    assert.match(readFileSync(join(out, 'log.txt'), 'utf8'), /card was lost|launch failure/);
  });
}

test.run();
