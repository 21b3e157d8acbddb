// The names that `directview/engine` declares are those that a real engine has.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import * as assert from 'uvu/assert';
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

declare const engine: object;

test.run();
