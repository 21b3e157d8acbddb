// A long batch: 500 pictures, five of them broken; memory of the client and of the engines must not grow with it.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { ClusterLab, Program } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('cli corners: a long batch');
const lab = new ClusterLab();
const root = temporaryFolder('dvbatch-');
test.after(() => {
  lab.remove();
  rmSync(root, { recursive: true, force: true });
});

const PICTURES = 500;
const WARM_UP = 100;
/** The places of broken pictures, spread over the batch. */
const BROKEN: Readonly<Record<number, (picture: Buffer) => Uint8Array>> = {
  7: () => new Uint8Array(),
  120: () => Buffer.from('this is text'),
  250: (picture) => picture.subarray(0, picture.length / 2),
  333: (picture) => picture.subarray(8),
  499: (picture) => Buffer.concat([picture.subarray(0, 60), Buffer.alloc(40), picture.subarray(100)]),
};

const nameOf = (i: number) => `${String(i).padStart(3, '0')}.png`;

/** Bright rectangles at places of their own. */
async function picture(i: number): Promise<Buffer> {
  const [rows, cols] = [64, 96];
  const data = Buffer.alloc(rows * cols, 20);
  for (let k = 0; k < 4; k++) {
    const [top, left] = [(i * 7 + k * 13) % 42, (i * 11 + k * 29) % 72];
    for (let r = top; r < top + 20; r++) data.fill(60 + 60 * k, r * cols + left, r * cols + left + 22);
  }
  const raw = { width: cols, height: rows, channels: 1 } as const;
  return sharp(data, { raw }).png().toBuffer();
}

/** Resident pages by pid: the program and its engines. */
function residentOf(pid: number): Map<number, number> {
  const all = [pid, ...childrenOf(pid)];
  return new Map(all.map((one) => [one, Number(readFileSync(`/proc/${one}/statm`, 'utf8').split(' ')[1])]));
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test('495 done, 5 named, exit 1, and memory flat over the last 400', async () => {
  for (let i = 0; i < PICTURES; i++) {
    const bytes = await picture(i);
    writeFileSync(join(root, nameOf(i)), BROKEN[i]?.(bytes) ?? bytes);
  }
  const out = join(root, 'out');
  const args = ['corners', root, '--json', '-', '--out', out, '--engines', '2', '--device', 'wasm'];
  const program = new Program('src/cli/main.js', args);
  const samples: Map<number, number>[] = [];
  let done = 0;
  program.child.stdout!.on('data', (text: Buffer) => {
    const before = done;
    done += text.filter((byte) => byte === 10).length;
    if (done > WARM_UP && Math.floor(done / 10) > Math.floor(before / 10) && done < PICTURES - 10) {
      samples.push(residentOf(program.child.pid as number));
    }
  });
  const { code, stdout, stderr } = await program.done;
  assert.is(code, 1, stderr);
  const images = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { image: string }).image);
  assert.is(new Set(images).size, PICTURES - 5);
  assert.is(readdirSync(out).length, PICTURES - 5);
  assert.match(stderr, /^495\/500 pictures .*, 5 failed$/m);
  const named = [...stderr.matchAll(/^failed: (\S+):/gm)].map(([, path]) => path);
  assert.equal(
    named.sort(),
    Object.keys(BROKEN).map((i) => join(root, nameOf(Number(i)))),
  );
  assertFlat(samples);
  assert.equal(lab.leftovers(), []);
});

/**
 * The growth that may be without a leak. V8 of Node 24 and later lets its heap grow for longer: in a loop of 1600 pictures engines stay at
 * 329 MB on Node 24 and 276 MB on Node 26, at 233 MB on Node 20.
 */
const MOST = Number(process.versions.node.split('.')[0]) >= 24 ? 1.3 : 1.1;

/** The last quarter of the samples is at most a tenth above the first (on newer V8 three). */
function assertFlat(samples: readonly Map<number, number>[]): void {
  assert.ok(samples.length >= 12, `only ${samples.length} samples`);
  const quarter = Math.floor(samples.length / 4);
  const pids = [...samples[0]!.keys()];
  assert.is(pids.length, 3, 'the client and two engines');
  for (const pid of pids) {
    const pages = samples.map((sample) => sample.get(pid) as number);
    const growth = mean(pages.slice(-quarter)) / mean(pages.slice(0, quarter));
    assert.ok(growth <= MOST, `process ${pid} grew by a factor of ${growth.toFixed(3)}`);
    console.log(
      `    ${pid === pids[0] ? 'client' : 'engine'}: ${mean(pages).toFixed(0)} pages, × ${growth.toFixed(3)}`,
    );
  }
}

test.run();
