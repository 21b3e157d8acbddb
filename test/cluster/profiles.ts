// view.profile on real engines: names, files, errors, interrupts, other clients.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CompositeError, type CpuProfile, NotSerializableError, Profile, RemoteError } from 'directview';
import * as assert from 'uvu/assert';
import { rejects, throws } from '../support/assert.ts';
import { type Rig, startRig } from '../support/cluster.ts';
import { suite } from '../support/suite.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

declare const engine: { readonly id: number };

const test = suite('cluster: profiles');
const dir = temporaryFolder('dvprofiles-');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2);
});
test.after(async () => {
  rmSync(dir, { recursive: true });
  await rig.stop();
});

const namesIn = ({ nodes }: CpuProfile) => nodes.map(({ callFrame }) => callFrame.functionName);

/** Computes for 60 ms of CPU time, so that the profiler has surely looked. */
const crunch = (n: number) => {
  function innerLoop(until: number): number {
    let sum = 0;
    while (process.cpuUsage().user < until) for (let i = 0; i < 1000; i++) sum += Math.sqrt(i);
    return sum;
  }
  innerLoop(process.cpuUsage().user + 60_000);
  return n + engine.id;
};

test('values, a profile for each engine with the names of the program, and files', async () => {
  const profile = await rig.v.profile(crunch, 5);
  assert.instance(profile, Profile);
  assert.equal(profile.value, [5, 6]);
  assert.equal([...profile.engines.keys()], [0, 1]);
  for (const one of profile.engines.values()) {
    assert.ok(namesIn(one).includes('crunch'), namesIn(one).join());
    assert.ok(namesIn(one).includes('innerLoop'));
    assert.ok((one.samples?.length ?? 0) > 0);
  }
  const paths = await profile.save(join(dir, 'deep', 'profiles'));
  assert.equal(
    paths.map((path) => path.slice(dir.length)),
    ['engine-0.cpuprofile', 'engine-1.cpuprofile', 'speedscope.json'].map((name) => `/deep/profiles/${name}`),
  );
  const file = JSON.parse(readFileSync(paths[2] as string, 'utf8')) as { profiles: unknown[]; name: string };
  assert.equal([file.profiles.length, file.name], [2, 'crunch']);
  assert.is(readdirSync(join(dir, 'deep', 'profiles')).length, 3);
});

test('one engine gives a bare value; asynchronous functions are profiled to their end', async () => {
  const profile = await rig.e0.profile(async function steps(x: number) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    function later(until: number): void {
      while (process.cpuUsage().user < until);
    }
    later(process.cpuUsage().user + 60_000);
    return new Float64Array([x]);
  }, 3);
  assert.equal(profile.value, new Float64Array([3]));
  assert.ok(namesIn(profile.engines.get(0) as CpuProfile).includes('later'));
});

test('errors of the function come as from apply, and the next tasks run without a profiler', async () => {
  const failing = () => {
    throw new RangeError('bad one');
  };
  await rejects(() => rig.e0.profile(failing), RemoteError, /bad one/);
  await rejects(() => rig.v.profile(failing), CompositeError, /bad one/);
  throws(() => rig.e0.profile((x: unknown) => x, new WeakMap()), NotSerializableError);
  assert.equal((await rig.v.profile(() => 1)).value, [1, 1]);
});

test('an interrupted function leaves no profile behind; tasks of another client wait their turn', async () => {
  const loop = rig.e0.profile(() => {
    for (;;);
  });
  while ((await rig.rc.status()).get(0)?.running == null) await new Promise((resolve) => setTimeout(resolve, 20));
  await rig.rc.interrupt();
  await rejects(() => loop, RemoteError, /interrupted/i);
  await using other = await rig.cluster.connect();
  const [profile, ...values] = await Promise.all([
    rig.v.profile(crunch, 1),
    ...Array.from({ length: 10 }, (_, i) => other.view(':').apply((x: number) => 2 * x, i)),
  ]);
  assert.equal(profile.value, [1, 2]);
  assert.equal(
    values,
    Array.from({ length: 10 }, (_, i) => [2 * i, 2 * i]),
  );
});

test.run();
