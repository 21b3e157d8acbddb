import ts from 'typescript';
import { ROOT } from './source.ts';

/** A function that a public type has. */
export interface TypedFunction {
  /** The exported type, or the exported function itself. */
  readonly type: string;
  /** Its member; undefined for a call of the thing itself. */
  readonly member: string | undefined;
}

/** The functions that the compiler sees in what a declaration file exports: also those of objects that calls give. */
export function typedFunctions(path: string): TypedFunction[] {
  const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true };
  const program = ts.createProgram([ROOT + path], { ...options, types: ['node'] });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(ROOT + path) as ts.SourceFile;
  const module = checker.getSymbolAtLocation(file) as ts.Symbol;
  const isOurs = (symbol: ts.Symbol) =>
    symbol.declarations?.some((node) => !node.getSourceFile().fileName.includes('/node_modules/')) === true;
  return checker.getExportsOfModule(module).flatMap((symbol): TypedFunction[] => {
    const found = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const isValue = found.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable);
    const type = isValue ? checker.getTypeOfSymbol(found) : checker.getDeclaredTypeOfSymbol(found);
    const isFunction = (member: ts.Symbol) =>
      checker.getNonNullableType(checker.getTypeOfSymbol(member)).getCallSignatures().length > 0;
    const members = type.getProperties().filter((member) => isOurs(member) && isFunction(member));
    const itself = type.getCallSignatures().length > 0 ? [{ type: symbol.name, member: undefined }] : [];
    return [...itself, ...members.map(({ name }) => ({ type: symbol.name, member: name }))];
  });
}

/** The packages, besides Node's types, that declaration files and what they import name. */
export function packagesOf(paths: readonly string[]): string[] {
  const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true };
  const program = ts.createProgram(
    paths.map((path) => ROOT + path),
    { ...options, types: ['node'] },
  );
  const files = program.getSourceFiles().map(({ fileName }) => fileName);
  const names = files.map((name) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? '');
  return [...new Set(names)].filter(
    (name) => !['', 'typescript', '@types/node', 'buffer', 'undici-types'].includes(name),
  );
}
