import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** How an import loads its module; a type import loads nothing. */
export type How = 'static' | 'dynamic' | 'type';

/** One import, or re-export, of a file. */
export interface Import {
  /** Path from the root of the repository, or the name of a package. */
  readonly from: string;
  readonly how: How;
}

/** Something that a file exports by a declaration of its own. */
export interface Export {
  readonly name: string;
  readonly line: number;
  readonly kind: 'type' | 'value';
  /** A `/** *\/` stands on the declaration. */
  readonly isDocumented: boolean;
}

/** A comment, or the text of an error, for people to read. */
export interface Prose {
  readonly line: number;
  readonly text: string;
}

/** The parts of one file that the rules look at. */
export interface Source {
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  readonly prose: readonly Prose[];
  /** Lines that hold `as unknown as`. */
  readonly doubleCasts: readonly number[];
  /** `any`, default exports, `export *`, long functions. */
  readonly faults: readonly Fault[];
}

/** A broken rule, and where. */
export interface Fault {
  readonly path: string;
  readonly text: string;
}

/** The root of the repository, with a slash. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const FOLDERS = ['src', 'engines', 'kernels', 'bench', 'examples'];
const MAX_FUNCTION = 80;

/** True for the folder (or file, or package) itself and for all below it. */
export function inside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** All sources of these folders; default: all but the tests. */
export function readSources(folders: readonly string[] = FOLDERS): Source[] {
  return folders
    .filter((folder) => existsSync(ROOT + folder))
    .flatMap((folder) =>
      readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
        .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
        .map((path) => parse(path, readFileSync(ROOT + path, 'utf8'))),
    );
}

/** Reads one file. `path` is from the root of the repository. */
export function parse(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (at: number) => file.getLineAndCharacterOfPosition(at).line + 1;
  const found = {
    imports: [] as Import[],
    prose: comments(file, lineOf),
    doubleCasts: [] as number[],
    faults: [] as Fault[],
  };
  const visit = (node: ts.Node): void => {
    const line = lineOf(node.getStart());
    const entry = importOf(node);
    if (entry !== undefined) found.imports.push({ ...entry, from: resolve(path, entry.from) });
    const fault = faultOf(node, lineOf(node.getEnd()) - line + 1);
    if (fault !== undefined) found.faults.push({ path, text: `${path}:${line}: ${fault}` });
    if (isDoubleCast(node)) found.doubleCasts.push(line);
    const message = errorText(node);
    if (message !== undefined) found.prose.push({ line, text: message });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, lines: text.trimEnd().split('\n').length, exports: exportsOf(file, lineOf), ...found };
}

/** Relative specifiers as paths from the root; packages by name. */
function resolve(path: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier;
}

function importOf(node: ts.Node): Import | undefined {
  const text = (name: ts.Node | undefined, how: How) =>
    name !== undefined && ts.isStringLiteralLike(name) ? { from: name.text, how } : undefined;
  if (ts.isImportDeclaration(node)) return text(node.moduleSpecifier, isTypeImport(node) ? 'type' : 'static');
  if (ts.isExportDeclaration(node)) return text(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static');
  if (ts.isImportTypeNode(node))
    return ts.isLiteralTypeNode(node.argument) ? text(node.argument.literal, 'type') : undefined;
  if (!ts.isCallExpression(node)) return undefined;
  const loads = node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require';
  return loads ? text(node.arguments[0], 'dynamic') : undefined;
}

function isTypeImport({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false;
  const named = importClause.namedBindings;
  if (importClause.isTypeOnly) return true;
  return !importClause.name && !!named && ts.isNamedImports(named) && named.elements.every((e) => e.isTypeOnly);
}

function faultOf(node: ts.Node, lines: number): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any';
  if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword) {
    return ts.isDefaultClause(node.parent) ? undefined : 'a default export';
  }
  if (ts.isExportDeclaration(node) && (!node.exportClause || ts.isNamespaceExport(node.exportClause)))
    return 'export *';
  return ts.isFunctionLike(node) && lines > MAX_FUNCTION
    ? `a function of ${lines} lines, over ${MAX_FUNCTION}`
    : undefined;
}

function isDoubleCast(node: ts.Node): boolean {
  if (!ts.isAsExpression(node)) return false;
  let inner = node.expression;
  while (ts.isParenthesizedExpression(inner)) inner = inner.expression;
  return ts.isAsExpression(inner) && inner.type.kind === ts.SyntaxKind.UnknownKeyword;
}

/** Declarations with `export`. One text is enough for overloads. */
function exportsOf(file: ts.SourceFile, lineOf: (at: number) => number): Export[] {
  const byName = new Map<string, Export>();
  for (const statement of file.statements) {
    if (!ts.canHaveModifiers(statement)) continue;
    if (!ts.getModifiers(statement)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)) continue;
    const isDocumented = ts.getJSDocCommentsAndTags(statement).length > 0;
    const line = lineOf(statement.getStart());
    for (const [name, kind] of declared(statement)) {
      const known = byName.get(name);
      byName.set(name, { name, kind, line, isDocumented: isDocumented || known?.isDocumented === true });
    }
  }
  return [...byName.values()];
}

function declared(statement: ts.Statement): [string, Export['kind']][] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => [name.getText(), 'value']);
  }
  if (ts.isFunctionDeclaration(statement)) return statement.name ? [[statement.name.text, 'value']] : [];
  const isType =
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement);
  return isType && statement.name !== undefined ? [[statement.name.text, 'type']] : [];
}

/** Comments without their marks; lines of `//` that follow each other are one. */
function comments(file: ts.SourceFile, lineOf: (at: number) => number): Prose[] {
  const ranges = new Map<number, number>();
  const visit = (node: ts.Node): void => {
    for (const range of ts.getLeadingCommentRanges(file.text, node.getFullStart()) ?? [])
      ranges.set(range.pos, range.end);
    for (const range of ts.getTrailingCommentRanges(file.text, node.getEnd()) ?? []) ranges.set(range.pos, range.end);
    for (const child of node.getChildren(file)) if (!ts.isJSDoc(child)) visit(child);
  };
  visit(file);
  const found: (Prose & { readonly last: number })[] = [];
  for (const [pos, end] of [...ranges].sort(([a], [b]) => a - b)) {
    const raw = file.text.slice(pos, end);
    const line = lineOf(pos);
    const before = found.at(-1);
    const goesOn = raw.startsWith('//') && before?.last === line - 1 && before.text !== '';
    const text = raw.startsWith('//') ? raw.slice(2).trim() : withoutStars(raw);
    if (goesOn) found[found.length - 1] = { ...before, text: `${before.text} ${text}`, last: line };
    else found.push({ line, text, last: lineOf(end) });
  }
  return found.map(({ line, text }) => ({ line, text }));
}

function withoutStars(raw: string): string {
  return raw
    .slice(2, -2)
    .split('\n')
    .map((line) => line.replace(/^\s*\*+\s?/, '').trim())
    .join('\n');
}

/** The message of `new SomeError('…')`, `someError('…')`; what is filled in stands as `…`. */
function errorText(node: ts.Node): string | undefined {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return undefined;
  if (!/Error$/.test(node.expression.getText())) return undefined;
  const message = node.arguments?.[0];
  if (message === undefined) return undefined;
  if (ts.isStringLiteralLike(message)) return message.text;
  if (!ts.isTemplateExpression(message)) return undefined;
  return message.head.text + message.templateSpans.map(({ literal }) => `…${literal.text}`).join('');
}
