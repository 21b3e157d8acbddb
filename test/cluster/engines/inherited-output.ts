// Output that does not pass process.stdout belongs to the running task: of child processes, and of fs on descriptors.
import * as assert from 'uvu/assert';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('engines/inherited-output');
let rig: Rig;
test.before(async () => {
  rig = await startRig(1);
});
test.after(() => rig.stop());

const PRINTS = 'echo out; echo err >&2';

async function outputOf(run: (script: string) => unknown): Promise<[unknown, string, string]> {
  const result = rig.e0.apply(run, PRINTS);
  const value = await result;
  return [value, String(result.stdout), String(result.stderr)];
}

test('children that inherit: spawn by word, by number, by stream; fork-like exit is seen', async () => {
  for (const stdio of [
    "'inherit'",
    "['ignore', 'inherit', 'inherit']",
    '[0, 1, 2]',
    "['pipe', process.stdout, process.stderr]",
  ]) {
    const code = `const { spawn } = await import('node:child_process');
      const child = spawn('sh', ['-c', ${JSON.stringify(PRINTS)}], { stdio: ${stdio} });
      const seen = [child.stdout, child.stderr, await new Promise((end) => child.on('close', end))]; seen`;
    const result = rig.e0.execute(code, { silent: false });
    const reply = await result;
    assert.equal([reply.stdout, reply.stderr, reply.text], ['out\n', 'err\n', '[ null, null, 0 ]'], stdio);
  }
});

test('crossed descriptors', async () => {
  const [, stdout, stderr] = await outputOf(async (script) => {
    const { spawn } = await import('node:child_process');
    const child = spawn('sh', ['-c', script], { stdio: ['ignore', 2, 1] });
    await new Promise((end) => child.on('close', end));
  });
  assert.equal([stdout, stderr], ['err\n', 'out\n']);
});

test('synchronous children, with the values that they give otherwise', async () => {
  const spawned = await outputOf(async (script) => {
    const { spawnSync } = await import('node:child_process');
    const { status, stdout } = spawnSync('sh', ['-c', script], { stdio: 'inherit' });
    return [status, stdout];
  });
  assert.equal(spawned, [[0, null], 'out\n', 'err\n']);
  const executed = await outputOf(async (script) => {
    const { execSync } = await import('node:child_process');
    return execSync(script, { stdio: ['ignore', 'pipe', 'inherit'] }).toString();
  });
  assert.equal(executed, ['out\n', '', 'err\n']);
  const file = await outputOf(async (script) => {
    const { execFileSync } = await import('node:child_process');
    try {
      execFileSync('sh', ['-c', `${script}; exit 3`], { stdio: 'inherit' });
    } catch (error) {
      return (error as { status: number }).status;
    }
    return undefined;
  });
  assert.equal(file, [3, 'out\n', 'err\n']);
});

test('children with pipes of their own are left alone', async () => {
  const [value, stdout] = await outputOf(async (script) => {
    const { exec, spawnSync } = await import('node:child_process');
    const text = await new Promise((done) => exec(script, (_, out) => done(out)));
    return [text, spawnSync('sh', ['-c', script]).stdout.toString()];
  });
  assert.equal([value, stdout], [['out\n', 'out\n'], '']);
});

test('fs on descriptors 1 and 2, synchronous and not, texts and views', async () => {
  const [value, stdout, stderr] = await outputOf(async () => {
    const fs = await import('node:fs');
    const { promisify } = await import('node:util');
    const sync = [
      fs.writeSync(1, 'añb\n'),
      fs.writeSync(2, Buffer.from('xxcd\nyy'), 2, 3),
      fs.writeSync(1, Buffer.from('e\n')),
    ];
    fs.writeFileSync(1, 'f\n');
    const later = await new Promise((done) => fs.write(1, 'g\n', (_, n) => done(n)));
    const { bytesWritten } = await promisify(fs.write)(2, Buffer.from('h\n'));
    return [sync, later, bytesWritten];
  });
  assert.equal(value, [[5, 3, 2], 2, 2]);
  assert.equal([stdout, stderr], ['añb\ne\nf\ng\n', 'cd\nh\n']);
});

test('other descriptors are left alone', async () => {
  const text = await rig.e0.apply(async () => {
    const fs = await import('node:fs');
    const path = (await import('node:path')).join((await import('node:os')).tmpdir(), `dvfd-${process.pid}`);
    const fd = fs.openSync(path, 'w+');
    fs.writeSync(fd, 'kept');
    fs.closeSync(fd);
    const read = fs.readFileSync(path, 'utf8');
    fs.rmSync(path);
    return read;
  });
  assert.is(text, 'kept');
});

test('output of a child is live, and complete when it is long', async () => {
  const result = rig.e0.apply(async () => {
    const { spawn } = await import('node:child_process');
    const child = spawn('sh', ['-c', 'echo first; sleep 1; seq 1 200000'], { stdio: 'inherit' });
    await new Promise((end) => child.on('close', end));
  });
  let live = '';
  const streaming = result.streamOutput({ stdout: { write: (text: string) => (live += text) } });
  const deadline = Date.now() + 10_000;
  while (!live.includes('first\n') && Date.now() < deadline) await new Promise((go) => setTimeout(go, 10));
  assert.is(result.ready, false, 'the first line comes while the child runs');
  await streaming;
  assert.ok(live.endsWith('\n200000\n'));
  assert.is(live.split('\n').length, 200_002);
  assert.match(
    String(await result.then(() => result.stdout)),
    /^… \(\d+ characters of output before this are missing\)\n/,
  );
});

test.run();
