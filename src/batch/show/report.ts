import { dirname, relative, resolve } from 'node:path';
import { writeFileAtomic } from '../../util/atomic-write.ts';
import { shownPath } from '../../util/byte-names.ts';
import { REPORT_MARK } from '../plan/outputs.ts';
import { histogramOf } from './histogram.ts';
import { numberText, type Shown, Spread } from './shown.ts';

/** Small pictures in a report, at most; all pictures have a row. */
const MOST_THUMBNAILS = 1000;

/** The facts about a whole batch that stand at the top of its report. */
export interface ReportFacts {
  /** The operation. */
  readonly title: string;
  /** Parameters as JSON. */
  readonly parameters: string;
  /** Sentences. */
  readonly lines: readonly string[];
}

/** The report of a batch: one HTML page that needs no other file, with a row for each picture. */
export class Report {
  readonly #path: string;
  readonly #total: number;
  readonly #spread: Spread;
  readonly #rows: Shown[] = [];

  constructor(path: string, total: number) {
    this.#path = path;
    this.#total = total;
    this.#spread = new Spread(total, MOST_THUMBNAILS);
  }

  /** Has the picture at this place of the batch a small picture? */
  wants(order: number): boolean {
    return this.#spread.has(order);
  }

  add(shown: Shown): void {
    this.#rows.push(this.wants(shown.order) ? shown : { ...shown, thumbnail: undefined });
  }

  /** Writes the page. Gives a sentence for the user. */
  async write(facts: ReportFacts): Promise<string | undefined> {
    const rows = this.#rows.sort((a, b) => a.order - b.order);
    await writeFileAtomic(this.#path, page(facts, rows, dirname(resolve(this.#path))));
    if (this.#total <= MOST_THUMBNAILS) return undefined;
    return `${this.#path} has ${MOST_THUMBNAILS} small pictures for ${this.#total}, spread evenly`;
  }
}

const STYLE = `
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; background: #fff }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em }
pre { background: #f4f4f4; padding: .6em; white-space: pre-wrap }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .35em .6em; border-bottom: 1px solid #ddd; vertical-align: middle }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums }
td.t { width: 160px } td.t img { display: block; max-width: 160px; max-height: 160px; border: 1px solid #ccc }
td.name { overflow-wrap: anywhere }
.failed { color: #b00020; background: #fdecee }
svg { max-width: 100% }
`;

function page({ title, parameters, lines }: ReportFacts, rows: readonly Shown[], folder: string): string {
  const failed = rows.filter(({ error }) => error !== undefined);
  const names = [...new Set(rows.flatMap(({ numbers }) => numbers.map(([name]) => name)))];
  const [first] = names;
  const values = rows.flatMap(({ numbers }) => numbers.filter(([name]) => name === first).map(([, value]) => value));
  const parts = [
    `${REPORT_MARK}\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<title>${text(title)}: ${rows.length} pictures</title><style>${STYLE}</style>`,
    `<h1>${text(title)}</h1>`,
    ...lines.map((line) => `<p>${text(line)}</p>`),
    `<pre>${text(parameters)}</pre>`,
    ...(failed.length === 0 ? [] : [`<h2>Failed: ${failed.length}</h2>`, failures(failed)]),
    ...(first === undefined || values.length === 0
      ? []
      : [`<h2>Pictures by ${text(first)}</h2>`, histogramOf(values, first)]),
    '<h2>Pictures</h2>',
    table(rows, names, folder),
    '</html>',
  ];
  return `${parts.join('\n')}\n`;
}

function failures(rows: readonly Shown[]): string {
  const lines = rows.map(
    ({ image, error }) => `<tr class="failed"><td class="name">${name(image)}<td>${text(error ?? '')}`,
  );
  return `<table>\n${lines.join('\n')}\n</table>`;
}

function table(rows: readonly Shown[], names: readonly string[], folder: string): string {
  const head = ['', 'picture', ...names.map((n) => `${text(n)}`), 'ms'];
  const ths = head.map((title, i) => `<th${i > 1 ? ' class="n"' : ''}>${title}`).join('');
  return `<table>\n<tr>${ths}\n${rows.map((row) => rowOf(row, names, folder)).join('\n')}\n</table>`;
}

function rowOf(
  { image, path, numbers, ms, error, drawing, thumbnail }: Shown,
  names: readonly string[],
  folder: string,
): string {
  const link = href(drawing ?? path, folder);
  const small =
    thumbnail === undefined ? '' : `<a href="${link}"><img loading="lazy" alt="" src="${dataUrl(thumbnail)}"></a>`;
  const known = new Map(numbers);
  const cells = names.map((n) => `<td class="n">${known.has(n) ? numberText(known.get(n) as number) : ''}`);
  const reason = error === undefined ? '' : `<br>${text(error)}`;
  const time = ms === undefined ? '' : ms.toFixed(1);
  const kind = error === undefined ? '' : ' class="failed"';
  return `<tr${kind}><td class="t">${small}<td class="name"><a href="${link}">${name(image)}</a>${reason}${cells.join('')}<td class="n">${time}`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const text = (value: string) => value.replace(/[&<>"]/g, (one) => ENTITIES[one] as string);
const name = (image: string) => text(shownPath(image));

/** A link from the page's folder, so that page and pictures may move together. */
function href(path: string, folder: string): string {
  const parts = relative(folder, path).split(/[/\\]/);
  return text(parts.map((part) => encodeURIComponent(shownPath(part))).join('/'));
}

function dataUrl(bytes: Uint8Array): string {
  const kind = bytes[0] === 0xff ? 'jpeg' : 'png';
  return `data:image/${kind};base64,${Buffer.from(bytes).toString('base64')}`;
}
