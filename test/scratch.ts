import { pdot, range, ref, tensor, Tensor } from 'directview';
import { startRig } from './support/cluster.ts';
const device = (process.argv[2] ?? 'cpu') as 'cpu';
const rig = await startRig(3, { device, ...(process.argv[3] ? { softwareGpu: true } : {}) });
const { v } = rig;
try {
  const rnd = (m: number, n: number) => new Tensor('float32', [m, n], Float32Array.from({ length: m * n }, (_, i) => (i * 7) % 11));
  const [A, B] = [rnd(7, 5), rnd(5, 4)];
  const want = (await pdot(v, A, B, { plan: 'rows' }));
  for (const plan of ['rows', 'grid', 'ring', 'auto'] as const) console.log(plan, (await pdot(v, A, B, { plan })).equals(want));
  v.scatter('A', A); v.scatter('B', B);
  console.log('refs', (await pdot(v, ref('A'), ref('B'))).equals(want));
  console.log(await pdot(v, ref('A'), ref('B'), { into: 'C' }), ((await v.gather('C')) as Tensor).equals(want));
  console.log(await v.memory());
  const saxpy = await v.kernel(function (a: number, x: number[], y: number[]) { return a * x[this.thread.x]! + y[this.thread.x]!; }, { outputLike: 'x' });
  v.scatter('x', Float32Array.from(range(10))); v.scatter('y', Float32Array.from(range(10)));
  console.log(await saxpy(2, ref('x'), ref('y')));
  console.log(await saxpy.into('y')(2, ref('x'), ref('y')), await v.gather('y'));
  console.log(await v.memory());
  const loop = await v.kernel(function (n: number) { let s = 0; for (let i = 0; i < n; i++) s += 1; return s; }, { output: [2] });
  console.log(await loop(1500));
  const add2 = await v.kernel(function (x: number[][]) { return twice(x[this.thread.y]![this.thread.x]!) + this.constants.c!; }, { outputLike: 'x', constants: { c: 5 }, functions: [twice] });
  console.log(await add2([[1, 2, 3], [4, 5, 6]]));
  const bad = await v.kernel(function (x: number[]) { try { return x[0]!; } catch { return 1; } }, { output: [2] });
  await bad([1]).get().catch((e: Error) => console.log('BAD', e.message));
  const bad2 = await v.kernel(function (x: number[]) { return (globalThis as never as { nope: (x: number) => number }).nope(x[0]!); }, { output: [2] });
  await bad2([1]).get().then(console.log, (e: Error) => console.log('BAD2', e.message));
  const bad3 = await v.kernel(function (x: number[]) { return nope(x[0]!); }, { output: [2] });
  await bad3([1]).get().then(console.log, (e: Error) => console.log('BAD3', e.message));
  await saxpy.destroy();
  await saxpy(1, [1], [1]).get().catch((e: Error) => console.log(e.message));
  console.log(await v.apply((x) => (globalThis as never as { tf: { sum(x: unknown): { data(): Promise<unknown> } } }).tf.sum(x).data(), ref('A')).get().catch((e: Error) => e.message));
  await v.clear();
  console.log(await v.memory());
} finally { await rig.stop(); }
function twice(x: number) { return 2 * x; }
declare function nope(x: number): number;
