// The notebooks of examples/ come from the example programs: the same statements, one notebook cell for each `cell('…')`.
//   node scripts/notebooks.mjs            writes those whose cells differ, without outputs
//   node scripts/notebooks.mjs --check    says which differ, and fails
// Then `jupyter nbconvert --to notebook --execute --inplace examples/*.ipynb` gives them their outputs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Notebook → program. */
export const NOTEBOOKS = {
  'multiplexing.ipynb': 'tour.ts',
  'remote-iteration.ipynb': 'remote-iteration.ts',
  'monte-carlo-pi.ipynb': 'monte-carlo-pi.ts',
  'load-balancing.ipynb': 'load-balancing.ts',
};

const CONNECT = `// The kernel has started the engines (directview kernel install -n 4): rc is the client, view all engines.
const check = (what: string, holds: boolean) => {
  if (!holds) throw new Error(\`check failed: \${what}\`);
  console.log(\`    ok: \${what}\`);
};
const cell = (title: string) => console.log(\`\\nIn: \${title}\`);
const dataPath = (name = '') => path.resolve('data', name);
const engines = rc[':'];
rc`;
const SHOW = 'const show = (_picture: string, png: Uint8Array) => display(png)';

/** The cells of a notebook: texts, and code. */
export function cellsOf(program) {
  const main = parsed(join(ROOT, 'examples', program));
  const out = [
    { kind: 'markdown', text: headOf(main) },
    { kind: 'code', text: CONNECT },
  ];
  const functions = new Map();
  collect(main, functions, out);
  const started = functions.get('main');
  const statements = started.body.statements.filter((one) => !/^\s*await using|const engines = /.test(one.getText()));
  flatten(statements, functions, out, { text: '' });
  return out.filter(({ text }) => text.trim() !== '').map((cell) => ({ ...cell, text: cell.text.trim() }));
}

function parsed(path) {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}

// The comment at the head of the program.
function headOf({ text }) {
  const lines = /^(?:\/\/.*\n)+/.exec(text)?.[0] ?? '';
  return lines.replace(/^\/\/ ?/gm, '');
}

/** Declarations become cells; functions that `main` calls are kept for their statements. */
function collect(source, functions, out) {
  const steps = stepsOf(source);
  const imports = [];
  const declarations = [];
  for (const statement of source.statements) {
    const text = bare(statement);
    if (ts.isImportDeclaration(statement)) {
      const from = statement.moduleSpecifier.text;
      if (!from.startsWith('.')) imports.push(text);
      else if (!from.endsWith('/tour.ts')) collect(parsed(join(dirname(source.fileName), from)), functions, out);
    } else if (ts.isFunctionDeclaration(statement) && steps.has(statement.name.text)) {
      functions.set(statement.name.text, statement);
    } else if (ts.isFunctionDeclaration(statement) && statement.name.text === 'show') declarations.push(SHOW);
    else if (!ts.isExpressionStatement(statement)) declarations.push(text);
  }
  out.push({ kind: 'code', text: imports.join('\n') }, { kind: 'code', text: declarations.join('\n\n') });
}

/** The functions whose statements are cells: `main`, and those that show cells. */
function stepsOf(source) {
  const shows = source.statements.filter((one) => ts.isFunctionDeclaration(one) && /\bcell\(/.test(one.getText()));
  return new Set(['main', ...shows.map((one) => one.name.text)]);
}

function flatten(statements, functions, out, before) {
  let current = before;
  const add = (text) => {
    if (current.kind === undefined) {
      current = { kind: 'code', text: '' };
      out.push(current);
    }
    current.text += `${text}\n`;
  };
  for (const statement of statements) {
    const call = callOf(statement);
    if (call?.name === 'cell') {
      out.push({ kind: 'markdown', text: `**${titleOf(call.first)}**` });
      current = {};
    } else if (call !== undefined && functions.has(call.name)) {
      flatten(functions.get(call.name).body.statements, functions, out, {});
      current = {};
    } else add(bare(statement));
  }
}

const titleOf = (node) =>
  ts.isStringLiteralLike(node)
    ? node.text
    : node
        .getText()
        .replace(/^`|`$/g, '')
        .replace(/\$\{(.*?)\}/g, '$1');

/** `await name(…)` or `name(…)` as a statement. */
function callOf(statement) {
  if (!ts.isExpressionStatement(statement)) return undefined;
  const { expression } = statement;
  const call = ts.isAwaitExpression(expression) ? expression.expression : expression;
  if (!ts.isCallExpression(call) || !ts.isIdentifier(call.expression)) return undefined;
  return { name: call.expression.text, first: call.arguments[0] };
}

/** A statement with its comment, without `export` and the indentation of the function around it. */
function bare(statement) {
  const text = statement.getFullText().replace(/^\n+/, '');
  const { character } = statement.getSourceFile().getLineAndCharacterOfPosition(statement.getStart());
  return text
    .replace(new RegExp(`^ {${character}}`, 'gm'), '')
    .replace(/^(export )(?=async function|function)/m, '')
    .replace(/^(?:\/\/.*\n)+\n/, '');
}

/** The notebook as JSON: outputs of cells that have stayed the same are kept. */
function notebookOf(cells, old) {
  const outputs = new Map((old?.cells ?? []).map((cell) => [cell.source.join(''), cell]));
  return {
    cells: cells.map(({ kind, text }, i) => {
      const source = text.split(/(?<=\n)/);
      if (kind === 'markdown') return { cell_type: kind, id: `cell-${i}`, metadata: {}, source };
      const { execution_count = null, outputs: kept = [] } = outputs.get(text) ?? {};
      return { cell_type: kind, execution_count, id: `cell-${i}`, metadata: {}, outputs: kept, source };
    }),
    metadata: {
      kernelspec: { display_name: 'TypeScript (directview)', language: 'typescript', name: 'directview' },
      language_info: { file_extension: '.ts', mimetype: 'text/typescript', name: 'typescript' },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
}

const sourcesOf = (notebook) => notebook.cells.map(({ cell_type: kind, source }) => ({ kind, text: source.join('') }));

/** The notebooks whose cells are not those of their program. */
export function drifted() {
  return Object.entries(NOTEBOOKS).filter(([name, program]) => {
    const path = join(ROOT, 'examples', name);
    if (!existsSync(path)) return true;
    return JSON.stringify(sourcesOf(JSON.parse(readFileSync(path, 'utf8')))) !== JSON.stringify(cellsOf(program));
  });
}

function write(name, program) {
  const path = join(ROOT, 'examples', name);
  const old = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  writeFileSync(path, `${JSON.stringify(notebookOf(cellsOf(program), old), null, 1)}\n`);
  console.log(`wrote ${relative(ROOT, path)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const differ = drifted();
  if (!process.argv.includes('--check')) for (const [name, program] of differ) write(name, program);
  else if (differ.length > 0) {
    console.error(
      `${differ.map(([name]) => name).join(', ')}: not the cells of the program; run node scripts/notebooks.mjs`,
    );
    process.exitCode = 1;
  }
}
