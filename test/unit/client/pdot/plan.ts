// The plans of pdot as a table: bytes counted by hand, blocks that cover C once, and what is refused.
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import {
  type OperandLayout as Layout,
  type BlockPlan as Plan,
  type PlanRequest,
  plan,
} from '../../../../src/client/pdot/plan.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/pdot/plan');
const client = (...shape: number[]): Layout => ({ shape, dtype: 'float32', held: 'client' });
const rows = (columns: number, ...parts: number[]): Layout => ({
  shape: [parts.reduce((a, b) => a + b, 0), columns],
  dtype: 'float32',
  held: 'rows',
  parts,
});
const whole = (...shape: number[]): Layout => ({ shape, dtype: 'float32', held: 'replicated' });

function make(a: Layout, b: Layout, engines: number, more: Partial<PlanRequest> = {}): Plan {
  return plan({ a, b, engines, resultItemSize: 4, ...more });
}

// A [8,6], B [6,10] on four engines: A 192 bytes, B 240, C 320.
const TABLE: [string, Plan, Partial<Plan>][] = [
  ['rows', make(client(8, 6), client(6, 10), 4, { choice: 'rows' }), { kind: 'rows', bytes: 192 + 4 * 240 + 320 }],
  [
    'grid',
    make(client(8, 6), client(6, 10), 4, { choice: 'grid' }),
    { kind: 'grid', bytes: 2 * 192 + 2 * 240 + 320, panels: [2, 2] },
  ],
  [
    'ring sends B once and passes on what others own',
    make(client(8, 6), client(6, 10), 4, { choice: 'ring' }),
    { kind: 'ring', bytes: 192 + 240 + 3 * 240 + 320 },
  ],
  [
    'summa sends A and B once; they go along the rows and columns of a grid',
    make(client(8, 6), client(6, 10), 4, { choice: 'summa' }),
    { kind: 'summa', panels: [2, 2], bytes: 192 + 240 + 4 * 2 * 24 + (4 + 4 + 5 + 5) * 20 + 320 },
  ],
  [
    'summa of transposed operands: columns of A for each, rows of B along columns of the grid',
    make(client(6, 8), client(10, 6), 4, { choice: 'summa', transposeA: true, transposeB: true }),
    // k is 6, in 2 + 2 + 1 + 1; blocks of 4 × 5, and B in panels of 5, in 3 + 2.
    { kind: 'summa', panels: [2, 2], bytes: 192 + 240 + (4 + 4 + 5 + 5) * 16 + 2 * (2 + 3) * 24 + 320 },
  ],
  [
    'summa of what lies on the engines',
    make(rows(6, 2, 2, 2, 2), rows(10, 2, 2, 1, 1), 4, { choice: 'summa' }),
    { kind: 'summa', panels: [2, 2], bytes: 4 * 2 * 24 + (4 + 4 + 5 + 5) * 20 + 320 },
  ],
  [
    'summa of uneven parts: panels end where parts end',
    make(rows(6, 5, 0, 1, 2), client(6, 10), 4, { choice: 'summa' }),
    {
      panels: [2, 2],
      blocks: [
        { rows: { lo: 0, hi: 5 }, columns: { lo: 0, hi: 5 } },
        { rows: { lo: 0, hi: 5 }, columns: { lo: 5, hi: 10 } },
        { rows: { lo: 5, hi: 8 }, columns: { lo: 0, hi: 5 } },
        { rows: { lo: 5, hi: 8 }, columns: { lo: 5, hi: 10 } },
      ],
    },
  ],
  [
    'summa on five engines leaves one idle',
    make(client(50, 50), client(50, 50), 5, { choice: 'summa' }),
    { panels: [2, 2] },
  ],
  ['without costs auto leaves summa out', make(rows(6, 2, 2, 2, 2), rows(10, 2, 2, 1, 1), 4), { kind: 'ring' }],
  ['auto takes the fewest bytes', make(client(8, 6), client(6, 10), 4), { kind: 'grid' }],
  ['a tie goes to rows', make(client(8, 8), client(8, 8), 2), { kind: 'rows' }],
  ['a wide B goes by columns', make(client(2, 8), client(8, 100), 2), { kind: 'grid', panels: [1, 2] }],
  ['one row keeps all engines busy', make(client(1, 64), client(64, 64), 4), { kind: 'grid', busy: [0, 1, 2, 3] }],
  ['five engines: 2×2 leaves one idle', make(client(50, 50), client(50, 50), 5), { kind: 'grid', panels: [2, 2] }],
  ['more engines than rows', make(client(2, 3), client(3, 1), 4, { choice: 'rows' }), { busy: [0, 1] }],
  ['nothing to do', make(client(0, 3), client(3, 4), 4), { busy: [], shape: [0, 4] }],
  ['no columns', make(client(3, 3), client(3, 0), 4), { busy: [], shape: [3, 0] }],
  ['K = 0', make(client(3, 0), client(0, 4), 2, { choice: 'rows' }), { busy: [0, 1], bytes: 48 }],
  ['resident A', make(rows(6, 2, 2, 2, 2), client(6, 10), 4), { kind: 'rows', bytes: 4 * 240 + 320 }],
  ['resident B, whole', make(client(8, 6), whole(6, 10), 4), { kind: 'rows', bytes: 192 + 320 }],
  ['both resident by rows', make(rows(6, 4, 4), rows(10, 3, 3), 2), { kind: 'ring', bytes: 240 + 320 }],
  ['and kept', make(rows(6, 4, 4), rows(10, 3, 3), 2, { keep: true }), { kind: 'ring', bytes: 240 }],
  ['kept: every engine gets its part', make(client(1, 3), client(3, 4), 3, { keep: true }), { busy: [0, 1, 2] }],
  ['a vector on the left', make(client(6), client(6, 8), 2), { shape: [8], kind: 'grid', panels: [1, 2] }],
  ['a vector on the right', make(client(8, 6), client(6), 2), { shape: [8], kind: 'rows', busy: [0, 1] }],
  ['two vectors', make(client(6), client(6), 2), { shape: [], busy: [0] }],
  ['matrices of A in a row', make(client(3, 4, 6), client(6, 5), 4), { shape: [3, 4, 5] }],
  [
    'and kept: cut between them',
    make(client(3, 4, 6), client(6, 5), 2, { keep: true }),
    {
      blocks: [
        { rows: { lo: 0, hi: 8 }, columns: { lo: 0, hi: 5 } },
        { rows: { lo: 8, hi: 12 }, columns: { lo: 0, hi: 5 } },
      ],
    },
  ],
  [
    'a batch: 6 products of [2,3] · [3,5] on 4 engines, B sent where it is needed',
    make(client(6, 2, 3), client(6, 3, 5), 4),
    { kind: 'batch', shape: [6, 2, 5], bytes: 6 * (24 + 60 + 40), busy: [0, 1, 2, 3] },
  ],
  ['one A for a batch', make(client(2, 3), client(4, 3, 5), 2), { kind: 'batch', bytes: 2 * 24 + 4 * (60 + 40) }],
  [
    'transposed: both',
    make(client(6, 8), client(10, 6), 4, { transposeA: true, transposeB: true }),
    { shape: [8, 10], kind: 'grid', bytes: 2 * 192 + 2 * 240 + 320 },
  ],
  ['uneven parts of A', make(rows(6, 5, 0, 3), whole(6, 10), 3), { kind: 'rows', busy: [0, 2] }],
];

for (const [name, made, wanted] of TABLE) {
  test(name, () => {
    for (const [key, value] of Object.entries(wanted)) assert.equal(made[key as keyof Plan], value, key);
  });
}

for (let engines = 1; engines <= 9; engines++) {
  for (const choice of ['rows', 'grid', 'ring', 'summa', 'auto'] as const) {
    test(`${choice} on ${engines} engines: blocks cover C exactly once`, () => {
      const made = make(client(7, 4), client(4, 5), engines, { choice });
      const hits = new Uint8Array(35);
      for (const i of made.busy) {
        const { rows: r, columns: c } = made.blocks[i]!;
        for (let y = r.lo; y < r.hi; y++) for (let x = c.lo; x < c.hi; x++) hits[y * 5 + x]!++;
      }
      assert.ok(made.blocks.length <= engines);
      assert.ok(hits.every((n) => n === 1));
    });
  }
}

const REFUSED: [string, () => Plan, typeof ShapeError | typeof TypeError | typeof RangeError, RegExp][] = [
  ['inner sizes', () => make(client(2, 3), client(4, 5), 2), ShapeError, /\[2,3\] · \[4,5\]/],
  ['a number', () => make(client(), client(3, 5), 2), ShapeError, /a number is not a matrix/],
  [
    'a ring of the columns of B',
    () => make(client(2, 3), client(5, 3), 2, { choice: 'ring', transposeB: true }),
    TypeError,
    /columns of Bᵀ: use 'rows'/,
  ],
  [
    'a plan for a batch',
    () => make(client(4, 2, 3), client(4, 3, 5), 2, { choice: 'rows' }),
    TypeError,
    /batches are dealt/,
  ],
  ['a batch of refs', () => make(rows(3, 2, 2), client(4, 3, 5), 2), TypeError, /both operands from here/],
  [
    'summa into',
    () => make(client(2, 3), client(3, 5), 2, { choice: 'summa', keep: true }),
    TypeError,
    /summa makes blocks/,
  ],
  [
    'summa, transposed on the engines',
    () => make(rows(3, 2, 1), client(3, 5), 2, { choice: 'summa', transposeA: true }),
    TypeError,
    /rows as they lie.*use 'rows'/,
  ],
  ['summa with B whole', () => make(client(2, 3), whole(3, 5), 2, { choice: 'summa' }), TypeError, /all of B already/],
  ['summa with A whole', () => make(whole(3), client(3, 5), 2, { choice: 'summa' }), TypeError, /all of A already/],
  ['an unknown plan', () => make(client(2, 3), client(3, 5), 2, { choice: 'x' as never }), RangeError, /auto, rows/],
  ['rows without B', () => make(rows(6, 4, 4), rows(10, 3, 3), 2, { choice: 'rows' }), TypeError, /use 'ring'/],
  ['ring with B whole', () => make(rows(6, 4, 4), whole(6, 10), 2, { choice: 'ring' }), TypeError, /use 'rows'/],
  ['grid of refs', () => make(rows(6, 4, 4), client(6, 10), 2, { choice: 'grid' }), TypeError, /on the engines/],
  [
    'grid into',
    () => make(client(2, 3), client(3, 5), 2, { choice: 'grid', keep: true }),
    TypeError,
    /into keeps C on the engines by rows/,
  ],
  [
    'a ring beyond mailboxes',
    () => make(rows(2 ** 15, 4, 4), rows(2 ** 15, 2 ** 14, 2 ** 14), 2),
    TypeError,
    /mailboxes hold/,
  ],
];

for (const [name, run, kind, message] of REFUSED) test(`refused: ${name}`, () => throws(run, kind, message));

const size = fc.integer({ min: 0, max: 40 });
const engines = fc.integer({ min: 1, max: 9 });

for (const choice of ['auto', 'rows', 'grid', 'ring', 'summa'] as const) {
  test(`property: ${choice} covers each element of C once, on busy engines, and counts its bytes`, () => {
    fc.assert(
      fc.property(size, size, size, engines, (m, k, n, count) => {
        const made = make(client(m, k), client(k, n), count, { choice });
        assert.equal(made.shape, [m, n]);
        const seen = new Uint8Array(m * n);
        for (const { rows: r, columns: c } of made.blocks) {
          for (let i = r.lo; i < r.hi; i++)
            for (let j = c.lo; j < c.hi; j++) seen[i * n + j] = (seen[i * n + j] as number) + 1;
        }
        assert.ok(seen.every((times) => times === 1));
        assert.ok(made.busy.every((engine) => engine >= 0 && engine < count));
        assert.ok(Number.isSafeInteger(made.bytes) && made.bytes >= 0);
      }),
    );
  });
}

test.run();
