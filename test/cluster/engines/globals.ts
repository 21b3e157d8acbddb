// The names that `directview/engine` declares are those that a real engine has.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import * as assert from 'uvu/assert';
import { RemoteError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const DECLARATIONS = fileURLToPath(new URL('../../../../engines/globals/ambient.ts', import.meta.url));
const test = suite('engines/globals');

/** Names that Node's own types declare already. */
const OF_NODE = ['require'];

/** The values that `declare global` of a file names. */
function declaredNames(text: string): string[] {
  const file = ts.createSourceFile('ambient.ts', text, ts.ScriptTarget.Latest, true);
  return file.statements.flatMap((node) => {
    if (!ts.isModuleDeclaration(node) || node.body === undefined || !ts.isModuleBlock(node.body)) return [];
    return node.body.statements.filter(ts.isVariableStatement).flatMap(namesOf);
  });
}

const namesOf = ({ declarationList }: ts.VariableStatement): string[] =>
  declarationList.declarations.map(({ name }) => name.getText());

let rig: Rig;
test.before(async () => {
  rig = await startRig(1, { device: 'cpu' });
});
test.after(() => rig.stop());

test('every name of an engine is declared, and no other', async () => {
  const plain = Object.getOwnPropertyNames(globalThis);
  // Helpers of compilers begin with underscores, or are undefined.
  const there = await rig.e0.apply(() =>
    Object.getOwnPropertyNames(globalThis).filter((name) => !name.startsWith('_')),
  );
  const own = there.filter((name) => !plain.includes(name) && !OF_NODE.includes(name));
  assert.equal(own.sort(), declaredNames(readFileSync(DECLARATIONS, 'utf8')).sort());
});

test('every member of the engine is declared, and no other', async () => {
  const text = readFileSync(
    fileURLToPath(new URL('../../../../engines/globals/engine-global.ts', import.meta.url)),
    'utf8',
  );
  const file = ts.createSourceFile('engine-global.ts', text, ts.ScriptTarget.Latest, true);
  const found = file.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'EngineGlobal');
  const declared = (found as ts.InterfaceDeclaration).members.map((member) => member.name?.getText());
  assert.equal(await rig.e0.apply(() => Object.keys(engine).sort()), declared.sort());
});

test('functions of an engine refuse what they do not take, by name', async () => {
  const wrong: readonly [code: string, says: RegExp][] = [
    ['engine.send("0", "t", 1)', /engine\.send: rank is the rank of an engine, not '0'/],
    ['engine.send(0, 5, 1)', /tag is a string/],
    ['engine.send(0, "t", 1, "surplus")', /engine\.send takes 3 at most.*'surplus'/],
    ['engine.recv(0, "t", { timout: 5 })', /unknown option 'timout' \(did you mean 'timeout'\?\)/],
    ['engine.allReduce(1, "sum", { tags: "x" })', /unknown option 'tags'/],
    ['engine.reduceScatter([1], "sum", { root: 0 })', /engine\.reduceScatter: unknown option 'root'/],
    ['engine.allToAll([1], { rank: [0] })', /unknown option 'rank' \(did you mean 'ranks'\?\)/],
    [
      'engine.allToAll([1, 2])',
      /allToAll wants a list of 1 values, one for each rank, an array or a Tensor, not 2 items/,
    ],
    ['engine.reduceScatter(5)', /reduceScatter wants a list of 1 values, an array or a Tensor, not number/],
    ['engine.barrier({ timeout: "5" })', /engine\.barrier: timeout is milliseconds/],
    ['engine.broadcast(1, { root: "0" })', /root is the rank/],
    ['engine.publish([1])', /data is an object of names and values/],
    ['engine.memory(1)', /engine\.memory takes no arguments/],
    ['matmul([[1]], [[1]], "float32")', /matmul takes 2 at most \(a, b\)/],
    ['display(1, 2)', /display takes 1 at most/],
    ['sum([1], [2])', /sum takes 1 at most/],
  ];
  for (const [code, says] of wrong) await rejects(() => rig.e0.execute(`await ${code}`), RemoteError, says);
  const caught = 'await engine.recv(0, "t", 5).catch((error) => error.name)';
  assert.is((await rig.e0.execute(caught, { silent: false })).text, "'TypeError'", 'rejected, not thrown');
});

declare const engine: object;

test.run();
