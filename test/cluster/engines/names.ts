// Names of built-ins are the user's to give: whatever a task does to them, the engine answers, and clear() restores them.
import * as assert from 'uvu/assert';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('names of built-ins');
let rig: Rig;
test.before(async () => {
  rig = await startRig(1);
});
test.after(() => rig.stop());

const TIMEOUT = 20_000;
const limited = <T>(result: { get(options: { timeout: number }): Promise<T> }) => result.get({ timeout: TIMEOUT });

/** Ways to give a name a value; all but the last four are those that a REPL would allow. */
const WAYS: Record<string, (x: string) => unknown> = {
  class: (x) => limited(rig.e0.execute(`class ${x} {}`)),
  let: (x) => limited(rig.e0.execute(`let ${x} = 1`)),
  const: (x) => limited(rig.e0.execute(`const { ${x} } = { ${x}: 1 }`)),
  var: (x) => limited(rig.e0.execute(`var ${x} = 1`)),
  function: (x) => limited(rig.e0.execute(`function ${x}() {}`)),
  assignment: (x) => limited(rig.e0.execute(`${x} = 1`)),
  'strict assignment': (x) => limited(rig.e0.execute(`'use strict'; ${x} = 1`)),
  'loop variable': (x) => limited(rig.e0.execute(`for (${x} of [1]);`)),
  member: (x) => limited(rig.e0.execute(`globalThis.${x} = 1`)),
  'assignment in a function': async (x) => limited(rig.e0.apply(new Function(`'use strict'; ${x} = 1`) as () => void)),
  push: (x) => limited(rig.e0.push({ [x]: 5 })),
  scatter: (x) => limited(rig.e0.scatter(x, [1])),
  'member in a function': (x) => limited(rig.e0.apply((name: string) => Reflect.set(globalThis, name, 5), x)),
  'strict member': async (x) => limited(rig.e0.apply(new Function(`'use strict'; globalThis.${x} = 1`) as () => void)),
  delete: (x) => limited(rig.e0.apply((name: string) => Reflect.deleteProperty(globalThis, name), x)),
  define: (x) => limited(rig.e0.apply((name: string) => Object.defineProperty(globalThis, name, { value: 1 }) && 1, x)),
};

const everyName = () => rig.e0.apply(() => Object.getOwnPropertyNames(globalThis));
const typeOf = (name: string) => `typeof ${name} + (typeof ${name} === 'function' ? String(${name}.name) : '')`;

/** A name may be refused before anything is sent. */
const attempt = async (run: () => unknown) => run();

async function answers(way: string): Promise<void> {
  const task = rig.e0.apply((xs: number[]) => ({ six: xs.map((x) => x * 7), at: [...new Map([[1, 2]])] }), [6]);
  assert.equal(await limited(task), { six: [42], at: [[1, 2]] }, `after ${way}`);
}

for (const [way, give] of Object.entries(WAYS)) {
  test(`no name breaks the engine: ${way}`, async () => {
    for (const name of await everyName()) {
      const before = await limited(rig.e0.pull(typeOf(name))).catch(String);
      await attempt(() => give(name)).catch((error: Error) => {
        assert.match(`${error.name} ${error.message}`, /TypeError|SyntaxError|ReferenceError/, `${way} of ${name}`);
      });
      await limited(rig.e0.apply(() => 1)).catch(() => {});
      await limited(rig.e0.clear());
      await answers(`${way} of ${name}`);
      assert.is(await limited(rig.e0.pull(typeOf(name))).catch(String), before, `${way} of ${name}, restored`);
    }
  });
}

test('a method of a built-in that a task replaces is what it was after the task, and says so', async () => {
  const { e0 } = rig;
  const replaced =
    `Array.prototype.push Array.prototype.map JSON.stringify JSON.parse Promise.prototype.then process.nextTick
    Map.prototype.get Map.prototype.set Object.keys Reflect.apply String.prototype.split Function.prototype.call`.split(
      /\s+/,
    );
  for (const name of replaced) {
    for (const code of [`${name} = () => { throw new Error('mine') }`, `${name} = undefined`]) {
      const task = e0.execute(`${code}; 0`);
      await task.catch(() => {});
      assert.is(await e0.apply((x: number) => x + 1, 1), 2, code);
      assert.match(String(task.stderr), /is what it was again: the engine itself calls it/, code);
    }
  }
  const hidden = e0.execute('Object.prototype.toJSON = () => 5; Object.prototype.stray = 1; 0');
  await hidden.catch(() => {});
  assert.equal(await e0.apply(() => ({ a: [1] })), { a: [1] });
  assert.equal(await e0.apply(() => 'stray' in {}), false);
  await e0.execute('Array.prototype.last = function () { return this.at(-1) }; 0');
  assert.is(await e0.apply(() => ([1, 2] as unknown as { last(): number }).last()), 2);
});

test.run();
