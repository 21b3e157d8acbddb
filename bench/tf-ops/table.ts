import { table as printed } from '../../src/cli/table.ts';
import type { Rated } from './uses.ts';

/** Ratings of each use, by context. */
export type Ratings = ReadonlyMap<string, ReadonlyMap<string, Rated>>;

const WORDS: Readonly<Record<Rated, string>> = {
  ok: 'yes',
  'on cpu': 'on cpu',
  absent: '**no**',
  fails: '**fails**',
  wrong: '**wrong**',
};

/** The rows of the documents: each use that some context has in another way than by itself. */
export function rowsOf(ratings: Ratings): string[][] {
  const contexts = [...ratings.keys()];
  const names = [...(ratings.values().next().value ?? new Map<string, Rated>()).keys()];
  const cell = (name: string, context: string) => ratings.get(context)?.get(name) ?? 'fails';
  return names
    .filter((name) => contexts.some((context) => cell(name, context) !== 'ok'))
    .map((name) => [name, ...contexts.map((context) => WORDS[cell(name, context)])]);
}

/** The section of the documents. */
export function markdownOf(ratings: Ratings): string {
  const contexts = [...ratings.keys()];
  const count = ratings.values().next().value?.size ?? 0;
  const rows = rowsOf(ratings);
  const lines = [['tf.', ...contexts], contexts.map(() => '---').concat('---'), ...rows];
  return [
    `${count} uses were tried; these ${rows.length} are not each context's own, and all others are:`,
    '',
    ...lines.map(
      (cells) => `| ${cells.map((text, i) => (i === 0 && text !== '---' ? `\`${text}\`` : text)).join(' | ')} |`,
    ),
    '',
  ].join('\n');
}

/** The same for a terminal. */
export function textOf(ratings: Ratings): string {
  return printed(['tf.', ...ratings.keys()], rowsOf(ratings)).trimEnd();
}

/** The rows of a document for one context: the words by use, without those that it has itself. */
export function documentedIn(markdown: string, context: string): Record<string, string> {
  const table = markdown.slice(markdown.indexOf('## Table'));
  const rows = [...table.matchAll(/^\| (.*) \|$/gm)].map(([, cells = '']) => cells.split(' | '));
  const column = rows[0]?.indexOf(context) ?? -1;
  const found = rows
    .slice(2)
    .map((cells): [string, string] => [cells[0]?.replaceAll('`', '') ?? '', cells[column] ?? '']);
  return Object.fromEntries(found.filter(([, word]) => word !== WORDS.ok));
}
