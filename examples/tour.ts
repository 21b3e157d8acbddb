// The notebook "DirectView as multiplexer", cell by cell: prints what it prints, and checks every result against a local
// computation. Run with `npm start`.
import { isDeepStrictEqual } from 'node:util';
import { type Client, Cluster, type DirectView, pdot, range, readPicture, Tensor, tensor } from 'directview';
import { images } from './support/images.ts';
import { cell, check, checksPassed, dataPath } from './support/tour.ts';

type Engines = DirectView<'many'>;

async function views(rc: Client): Promise<void> {
  cell('rc.ids; rc[0], rc[":"], rc["::2"], rc["1::2"]');
  console.log(rc.ids);
  check('four engines', isDeepStrictEqual(rc.ids, [0, 1, 2, 3]));
  const [e0, engines, even, odd] = [rc[0], rc[':'], rc['::2'], rc['1::2']];
  const pidOf = () => process.pid;
  const pids = await engines.apply(pidOf);
  for (const view of [e0, engines, even, odd]) console.log(view, await view.apply(pidOf));
  check('every engine is a process of its own', new Set([...pids, process.pid]).size === 5);
  check('one target gives a bare value', (await e0.apply(pidOf)) === pids[0]);
  check(
    'slices pick engines',
    isDeepStrictEqual(
      [...(await even.apply(pidOf)), ...(await odd.apply(pidOf))],
      [pids[0], pids[2], pids[1], pids[3]],
    ),
  );
}

async function names(engines: Engines): Promise<void> {
  cell('engines["a"] = 5; engines["a"]');
  engines.ns.a = 5;
  console.log(await engines.ns.a);
  check('assigned everywhere', isDeepStrictEqual(await engines.ns.a, [5, 5, 5, 5]));
}

async function collectives(rc: Client, engines: Engines): Promise<void> {
  cell('engines.scatter("a", range(16)); engines["a"]; engines.gather("a")');
  await engines.scatter('a', range(16));
  console.log(await engines.ns.a);
  console.log(await engines.gather('a'));
  check(
    'four blocks of four',
    isDeepStrictEqual(
      await engines.ns.a,
      [0, 4, 8, 12].map((lo) => range(lo, lo + 4)),
    ),
  );
  check('gather is the inverse of scatter', isDeepStrictEqual(await engines.gather('a'), range(16)));

  cell('engines.execute("asum = sum(a)"); engines.gather("asum")');
  await engines.execute('asum = sum(a)');
  console.log(await engines.gather('asum'));
  check('sums of the blocks', isDeepStrictEqual(await engines.gather('asum'), [6, 22, 38, 54]));

  cell('engines.scatter("id", rc.ids); … flatten=True');
  await engines.scatter('id', rc.ids);
  console.log(await engines.ns.id);
  check('lists of one', isDeepStrictEqual(await engines.ns.id, [[0], [1], [2], [3]]));
  await engines.scatter('id', rc.ids, { flatten: true });
  console.log(await engines.ns.id);
  check('flattened to items', isDeepStrictEqual(await engines.ns.id, [0, 1, 2, 3]));
}

const randomInts = (shape: readonly [number, number]): Tensor =>
  new Tensor(
    'int32',
    shape,
    Int32Array.from({ length: shape[0] * shape[1] }, () => 1 + Math.floor(Math.random() * 9)),
  );

/** The local product, in plain loops: what pdot is checked against. */
function dot(a: Tensor, b: Tensor): Tensor {
  const [m, k, n] = [a.shape[0] as number, a.shape[1] as number, b.shape[1] as number];
  const out = new Tensor(a.dtype, [m, n]);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) sum += a.at(i * k + p) * b.at(p * n + j);
      out.data[i * n + j] = sum;
    }
  }
  return out;
}

async function matrices(rc: Client, engines: Engines): Promise<void> {
  cell('A = randint(1, 10, (16, 4)); B = randint(1, 10, (4, 16)); scatter both');
  const [A, B] = [randomInts([16, 4]), randomInts([4, 16])];
  engines.scatter('A', A);
  engines.scatter('B', B);
  const e0 = rc[0];
  console.log(await e0.ns.A, '\n', await e0.ns.B);
  check('A in 4×4 blocks', isDeepStrictEqual(((await e0.ns.A) as Tensor).shape, [4, 4]));
  check('B in rows of 1×16', isDeepStrictEqual(((await e0.ns.B) as Tensor).shape, [1, 16]));

  cell('pdot(engines, A, B) == dot(A, B)');
  const C = await pdot(engines, A, B);
  console.log(C);
  check('pdot equals the local product exactly', C.equals(dot(A, B)));

  cell('the same in four lines: push, scatter, execute, gather');
  engines.push({ B });
  engines.scatter('A', A);
  engines.execute('C = await matmul(A, B)');
  check('the four lines agree', ((await engines.gather('C')) as Tensor).equals(C));

  cell('pdot on a photograph: A · Aᵀ of camera.png, 512×512');
  const { image: photo } = await readPicture(dataPath('camera.png'));
  const product = await pdot(engines, photo, transpose(photo));
  console.log(product);
  check('A · Aᵀ agrees with float64 loops', closeTo(product, dot(photo, transpose(photo)), photo));
}

function transpose(a: Tensor): Tensor {
  const [m, n] = [a.shape[0] as number, a.shape[1] as number];
  const out = new Tensor(a.dtype, [n, m]);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out.data[j * m + i] = a.data[i * n + j] as number;
  return out;
}

/** Within K · 2⁻²³ · ‖a_i‖ · ‖a_j‖, the bound of a float32 product of rows i and j. */
function closeTo(actual: Tensor, expected: Tensor, a: Tensor): boolean {
  const [n, k] = [a.shape[0] as number, a.shape[1] as number];
  const norms = range(n).map((i) => Math.hypot(...a.data.subarray(i * k, (i + 1) * k)));
  return actual.data.every((value, i) => {
    const bound = k * 2 ** -23 * (norms[Math.floor(i / n)] as number) * (norms[i % n] as number);
    return Math.abs(value - expected.at(i)) <= bound;
  });
}

async function maps(engines: Engines): Promise<void> {
  cell('engines.map(lambda x: x**10, range(32)) == list(map(lambda x: x**10, range(32)))');
  const power = (x: number) => x ** 10;
  const parallel = await engines.map(power, range(32));
  const same = isDeepStrictEqual(parallel, range(32).map(power));
  console.log(same);
  check('map equals the serial result', same);

  cell('amr = engines.map_async(lambda x: x**10, range(32)); amr.msg_ids; … range(3200)');
  const [few, many] = [engines.map(power, range(32)), engines.map(power, range(3200))];
  console.log(few, few.msgIds);
  check('one message per engine', few.msgIds.length === 4 && many.msgIds.length === 4);
  check('3200 items come back', (await many).length === 3200);
  const seen: number[] = [];
  for await (const item of few) seen.push(item);
  check('iterated as they arrive', isDeepStrictEqual(seen, range(32).map(power)));
}

async function main(): Promise<void> {
  await using cluster = await Cluster.start({ engines: 4 });
  await using rc = await cluster.connect();
  const engines = rc[':'];
  await views(rc);
  await names(engines);
  await collectives(rc, engines);
  await matrices(rc, engines);
  await maps(engines);
  await images(rc[0], engines);
  check('a tensor prints its shape and rows', String(tensor([[1, 2]])) === 'Tensor float64[1×2]\n[[1 2]]');
}

await main();
console.log(`tour: ${checksPassed()} checks passed`);
