// The notebooks of examples/, with their outputs, as pages that need no server: docs/notebooks/*.html.
//   node scripts/notebook-pages.mjs            writes them
//   node scripts/notebook-pages.mjs --check    says which are not those of their notebook, and fails
// Pictures become JPEGs of at most 420 pixels: nbconvert keeps 1.6 MB of them in one page. Another
// release of the encoder may give other bytes, so that a picture carries the hash of what it was made from.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import ts from 'typescript';
import { NOTEBOOKS } from './notebooks.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = join(ROOT, 'docs', 'notebooks');
const PIXELS = 420;

const STYLE = `
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1f2328; }
pre { margin: 0; padding: .5rem .7rem; overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; }
.cell { display: grid; grid-template-columns: 3.5rem minmax(0, 1fr); margin: .6rem 0; }
.count { font: 13px/1.45 ui-monospace, monospace; color: #59636e; padding-top: .5rem; }
.code { background: #f6f8fa; border: 1px solid #d1d9e0; border-radius: 4px; }
.outputs { grid-column: 2; }
.stderr { background: #fff1f0; }
.keyword { color: #8250df; } .string { color: #0a7d33; } .number { color: #0550ae; } .comment { color: #59636e; }
img { display: block; margin: .4rem .7rem; max-width: 100%; }
`;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const textOf = (lines) => (Array.isArray(lines) ? lines.join('') : lines);

/** TypeScript with its words in colours. */
function coloured(code) {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, code);
  let out = '';
  let open = [];
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    // A bracket that closes a part of a template is not the end of a block.
    if (token === ts.SyntaxKind.TemplateHead || token === ts.SyntaxKind.OpenBraceToken) open.push(token);
    if (token === ts.SyntaxKind.CloseBraceToken && open.pop() === ts.SyntaxKind.TemplateHead) {
      token = scanner.reScanTemplateToken(false);
      if (token === ts.SyntaxKind.TemplateMiddle) open = [...open, ts.SyntaxKind.TemplateHead];
    }
    const kind = kindOf(token);
    const text = escaped(scanner.getTokenText());
    out += kind === undefined ? text : `<span class="${kind}">${text}</span>`;
  }
  return out;
}

function kindOf(token) {
  const { SyntaxKind: kinds } = ts;
  if (token === kinds.StringLiteral || (token >= kinds.FirstTemplateToken && token <= kinds.LastTemplateToken))
    return 'string';
  if (token === kinds.NumericLiteral || token === kinds.BigIntLiteral) return 'number';
  if (token === kinds.SingleLineCommentTrivia || token === kinds.MultiLineCommentTrivia) return 'comment';
  return token >= kinds.FirstKeyword && token <= kinds.LastKeyword ? 'keyword' : undefined;
}

// The notebooks' texts are sentences, and headings between **.
function markdown(text) {
  const heading = /^\*\*([\s\S]*)\*\*$/.exec(text);
  if (heading !== null) return `<h3>${escaped(heading[1])}</h3>`;
  return `<p>${escaped(text).replace(/`([^`]*)`/g, '<code>$1</code>')}</p>`;
}

function outputOf(output) {
  if (output.output_type === 'stream') return `<pre class="${output.name}">${escaped(textOf(output.text))}</pre>`;
  const { data = {} } = output;
  if (data['image/png'] !== undefined) return pictureOf(textOf(data['image/png']));
  if (data['text/html'] !== undefined) return textOf(data['text/html']);
  return `<pre>${escaped(textOf(data['text/plain'] ?? ''))}</pre>`;
}

const hashOf = (text) => createHash('sha1').update(text).digest('hex').slice(0, 16);
const pictureOf = (png) => `<img alt="a picture that the cell shows" data-of="${hashOf(png)}" src="">`;

/** The outputs as they stand on a page: text of one stream is one block. */
function joined(outputs) {
  const out = [];
  for (const output of outputs) {
    const last = out.at(-1);
    if (output.output_type === 'stream' && last?.name === output.name) last.text += textOf(output.text);
    else out.push(output.output_type === 'stream' ? { ...output, text: textOf(output.text) } : output);
  }
  return out;
}

function cellOf({ cell_type: kind, source, outputs = [], execution_count: count }) {
  if (kind === 'markdown') return markdown(textOf(source));
  const code = `<div class="count">[${count ?? ' '}]</div><div class="code"><pre>${coloured(textOf(source))}</pre></div>`;
  return `<div class="cell">${code}<div class="outputs">${joined(outputs).map(outputOf).join('\n')}</div></div>`;
}

/** The page of a notebook, without the bytes of its pictures. */
function pageOf(name, { cells }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${name.replaceAll('-', ' ')}</h1>
<p>Made from <a href="../../examples/${name}.ipynb">examples/${name}.ipynb</a>, with the outputs of one run.</p>
${cells.map(cellOf).join('\n')}
</body>
</html>
`;
}

async function withPictures(page, { cells }) {
  const outputs = cells.flatMap((cell) => cell.outputs ?? []);
  const pictures = outputs.map(({ data }) => data?.['image/png']).filter((png) => png !== undefined);
  const small = await Promise.all(pictures.map(textOf).map(async (png) => [hashOf(png), await jpegOf(png)]));
  return small.reduce(
    (text, [hash, src]) => text.replaceAll(`data-of="${hash}" src=""`, `data-of="${hash}" src="${src}"`),
    page,
  );
}

async function jpegOf(png) {
  const picture = sharp(Buffer.from(png, 'base64')).resize({ width: PIXELS, withoutEnlargement: true });
  const bytes = await picture.jpeg({ quality: 80 }).toBuffer();
  return `data:image/jpeg;base64,${bytes.toString('base64')}`;
}

const bare = (page) => page.replace(/ src="data:image\/jpeg[^"]*"/g, ' src=""');

const check = process.argv.includes('--check');
const differ = [];
for (const file of Object.keys(NOTEBOOKS)) {
  const name = file.replace('.ipynb', '');
  const notebook = JSON.parse(readFileSync(join(ROOT, 'examples', file), 'utf8'));
  const path = join(PAGES, `${name}.html`);
  const page = pageOf(name, notebook);
  if (existsSync(path) && bare(readFileSync(path, 'utf8')) === page) continue;
  differ.push(`${name}.html`);
  if (check) continue;
  mkdirSync(PAGES, { recursive: true });
  writeFileSync(path, await withPictures(page, notebook));
  console.log(`wrote ${relative(ROOT, path)}`);
}
if (check && differ.length > 0) {
  console.error(`${differ.join(', ')}: not the page of the notebook; run node scripts/notebook-pages.mjs`);
  process.exitCode = 1;
}
