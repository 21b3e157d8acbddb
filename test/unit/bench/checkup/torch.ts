// PyTorch's rows of the check-up and of bench/matmul, with a stand-in for the module: one Python for all, its events, what it
// lacks, and how it fails. And NumPy's, where it is installed.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Checkup } from '../../../../bench/checkup/checkup.ts';
import type { Preflight } from '../../../../bench/checkup/preflight.ts';
import { findPython, PeerMissing } from '../../../../bench/support/peer.ts';
import { rejects } from '../../../support/assert.ts';
import { STUB_TORCH } from '../../../support/stub-card/build.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('bench/checkup: PyTorch');
const SCRIPT = fileURLToPath(new URL('../../../../bench/checkup/measure/torch.js', import.meta.url));
const MATMUL = fileURLToPath(new URL('../../../../bench/matmul.js', import.meta.url));
const ARGS = ['--sizes', '8', '--halves', '6', '--now'];
const folder = temporaryFolder('dv-torch-test-');
const log = join(folder, 'imports');
const hasPython = spawnSync('python3', ['--version']).status === 0;
const hasNumpy = hasPython && spawnSync('python3', ['-c', 'import numpy']).status === 0;
test.after(() => rmSync(folder, { recursive: true }));

type Row = Readonly<Record<string, unknown>>;

const environment = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...process.env,
  DIRECTVIEW_PYTHON: 'python3',
  PYTHONPATH: STUB_TORCH,
  STUB_TORCH_LOG: log,
  ...more,
});

async function rowsOf(more: NodeJS.ProcessEnv = {}): Promise<Row[]> {
  const child = fork(SCRIPT, ARGS, { env: environment(more), execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const rows: Row[] = [];
  child.on('message', (row) => rows.push(row as Row));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.is(code, 0);
  return rows;
}

/** The lines of the stand-in: a process for each import, and that it hangs. */
const noted = (): string[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);

if (!hasPython) test.skip('all', 'python3 is not installed');
else {
  test('one Python measures float32 with and without TF32, float64 and both halves, by the events of the card', async () => {
    const [head, ...rows] = await rowsOf();
    assert.equal([head?.['device'], head?.['name'], head?.['cuda']], ['cuda', 'NVIDIA H200 (stub)', '13.0']);
    assert.equal(
      rows.map((row) => [row['dtype'], row['tf32'], row['shape'], row['ms'], row['runs'], row['verified']]),
      [
        ['float32', false, '8×8×8', 0.25, 10, true],
        ['float32', true, '8×8×8', 0.25, 10, true],
        ['float64', false, '8×8×8', 0.25, 10, true],
        ['float16', false, '6×6×6', 0.25, 10, true],
        ['bfloat16', false, '6×6×6', 0.25, 10, true],
      ],
    );
    assert.ok(
      rows.every(
        (row) =>
          Math.abs((row['tflops'] as number) - (2e-9 * Number.parseInt(String(row['shape']), 10) ** 3) / 0.25) < 1e-15,
      ),
    );
    assert.is(noted().length, 1);
  });

  test('products that are wrong, and what the card refuses, are told in their rows; the others run', async () => {
    const wrong = (await rowsOf({ STUB_TORCH: 'wrong' })).slice(1);
    assert.is(wrong.length, 5);
    for (const row of wrong) assert.match(String(row['verified']), /^the relative error is \d/);
    const full = (await rowsOf({ STUB_TORCH: 'float64 out of memory' })).slice(1);
    assert.equal(
      full.map((row) => row['verified'] === true),
      [true, true, false, true, true],
    );
    assert.match(String(full[2]?.['verified']), /CUDA out of memory/);
  });

  test('a Python that ends is named in each later row', async () => {
    const rows = (await rowsOf({ STUB_TORCH: 'float64 dies' })).slice(1);
    assert.equal(
      rows.map((row) => row['verified'] === true),
      [true, true, false, false, false],
    );
    assert.match(String(rows[2]?.['verified']), /the peer ended before it answered gemm/);
  });

  test('without PyTorch, a card or Python one row says so', async () => {
    for (const [more, reason] of [
      [{ PYTHONPATH: folder }, /torch: no Python has torch \(python3: .*No module named 'torch'\)/],
      [{ STUB_TORCH: 'no card' }, /sees no card: it would compute on the CPU/],
      [{ DIRECTVIEW_PYTHON: '/nonexistent' }, /torch: no Python has torch \(\/nonexistent: not found\)/],
    ] as const) {
      const rows = await rowsOf(more);
      assert.is(rows.length, 1);
      assert.is(rows[0]?.['what'], 'skipped');
      assert.match(String(rows[0]?.['reason']), reason);
    }
  });

  test('a python3 that hangs before it says anything is passed over', async () => {
    const python = join(folder, 'python3');
    writeFileSync(python, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    const before = process.env['DIRECTVIEW_PYTHON'];
    process.env['DIRECTVIEW_PYTHON'] = python;
    try {
      await rejects(() => findPython([], ['torch'], 100), PeerMissing, /python3: no answer within 0\.1 s/);
    } finally {
      if (before === undefined) delete process.env['DIRECTVIEW_PYTHON'];
      else process.env['DIRECTVIEW_PYTHON'] = before;
    }
  });

  test('a Python that hangs ends with its part, and the rows before it stay', async () => {
    rmSync(log, { force: true });
    const found = {
      adapter: undefined,
      cuda: true,
      env: environment({ STUB_TORCH: 'float64 hangs' }),
      cards: '',
      nodes: [],
      tried: [],
      lacking: [],
    };
    const out = join(folder, 'hangs');
    const part = {
      name: 'torch',
      script: 'checkup/measure/torch.js',
      args: ARGS.slice(0, 4),
      early: true,
      byCuda: true,
      share: { least: 0.1, most: 60 },
    };
    const run = new Checkup({
      budget: 70,
      out,
      software: false,
      parts: [part],
      find: async () => found as unknown as Preflight,
      print: (line) => {
        if (line.includes('torch float32 (TF32)'))
          void until(() => noted().at(-1) === 'hangs').then(() => stopped.push(run.stop('SIGTERM')));
      },
    });
    const stopped: number[] = [];
    await run.run();
    assert.equal(stopped, [143]);
    const rows = readFileSync(join(out, 'checkup.jsonl'), 'utf8').trim().split('\n');
    assert.is(rows.length, 3);
    assert.is(noted().length, 2);
    await until(() => hasEnded(Number(noted()[0])));
  });

  test('bench/matmul has its rows for PyTorch on both devices, resident and from host to host, and for NumPy', () => {
    const json = join(folder, 'matmul.json');
    const args = ['--providers', 'PyTorch,NumPy', '--sizes', '8', '--seconds', '5', '--json', json];
    const { status, stdout, stderr } = spawnSync(process.execPath, [MATMUL, ...args], {
      env: environment({}),
      encoding: 'utf8',
    });
    assert.is(status, 0, stdout + stderr);
    const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: Row[] };
    const names = rows.map((row) => row['provider']);
    for (const name of ['PyTorch CPU', 'PyTorch GPU', ...(hasNumpy ? ['NumPy'] : [])]) {
      const row = rows[names.indexOf(name)];
      assert.ok(
        (row?.['resident'] as number) > 0 && (row?.['endToEnd'] as number) > 0,
        `${name}: ${JSON.stringify(row)}`,
      );
      assert.is(row?.['note'], undefined);
    }
    assert.match(String(rows[names.indexOf('PyTorch GPU')]?.['adapter']), /NVIDIA H200 \(stub\)/);
  });
  if (!hasNumpy) test.skip('NumPy beside it', 'numpy is not installed');
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setTimeout(done, 20));
}

/** True for a process that is not there, or that waits for somebody to ask how it ended. */
function hasEnded(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test.run();
