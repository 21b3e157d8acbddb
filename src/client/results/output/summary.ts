import type { MimeBundle } from '../../../protocol/methods.ts';
import type { Task } from '../../links/task.ts';
import { bundleText } from './text.ts';

const ROWS = 20;

/** A result as a notebook shows it. `text/plain`: the given line; `text/html`: a row per task (20 at most). */
export function resultBundle(line: string, tasks: readonly Task[]): MimeBundle {
  const rows = tasks.slice(0, ROWS).map(row).join('');
  const more = tasks.length > ROWS ? `<tr><td colspan="4">… ${tasks.length - ROWS} more</td></tr>` : '';
  const head = '<tr><th>engine</th><th>status</th><th>ms</th><th>output</th></tr>';
  return { 'text/plain': line, 'text/html': `<p>${escaped(line)}</p><table>${head}${rows}${more}</table>` };
}

function row(task: Task): string {
  const { engine, status, started, completed, outputs, stdout, stderr } = task;
  const ms = started === null || completed === null ? '' : completed - started;
  const text = [stdout, stderr, ...outputs.map(bundleText)].filter((part) => part !== '').join('\n');
  const output = `<pre>${escaped(text)}</pre>`;
  return `<tr><td>${engine?.id ?? ''}</td><td>${status}</td><td>${ms}</td><td>${text === '' ? '' : output}</td></tr>`;
}

/** The text with the special characters of HTML replaced. */
export function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character] as string);
}
