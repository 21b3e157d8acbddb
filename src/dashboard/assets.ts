import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** A file of the page, as it is served. */
export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

// The page's own files are served as they are written: there is no build step.
const page = (name: string) => fileURLToPath(new URL(`../../../src/dashboard/page/${name}`, import.meta.url));
const uplot = (name: string) => createRequire(import.meta.url).resolve(`uplot/dist/${name}`);

const FILES: Readonly<Record<string, readonly [type: string, path: () => string]>> = {
  '/': ['text/html; charset=utf-8', () => page('index.html')],
  '/style.css': [STYLE, () => page('style.css')],
  '/uplot.css': [STYLE, () => uplot('uPlot.min.css')],
  '/uplot.js': [SCRIPT, () => uplot('uPlot.iife.min.js')],
  ...Object.fromEntries(
    ['app', 'charts', 'dom', 'format', 'language', 'panels', 'task-stream'].map((name) => [
      `/${name}.js`,
      [SCRIPT, () => page(`${name}.js`)] as const,
    ]),
  ),
};

/** The file of the page with this path; undefined for other paths. */
export async function assetOf(path: string): Promise<Asset | undefined> {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  return file && { type: file[0], bytes: await readFile(file[1]()) };
}

/** The text of one of the page's own files, for reports that hold all of themselves. */
export function pageText(name: string): Promise<string> {
  return readFile(page(name), 'utf8');
}
