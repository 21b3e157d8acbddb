import type { RemoteError } from '../../../errors.ts';
import type { MimeBundle } from '../../../protocol/methods.ts';
import type { Task } from '../../links/task.ts';
import { colored, coloredValue } from './colors.ts';
import type { Sinks, TextSink } from './sinks.ts';

/** The two text streams of an engine. */
export type StreamName = 'stdout' | 'stderr';

/** The text with a line break at its end, unless it is empty or has one. */
export function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** One engine's captured stream: prefix, break, text. Empty streams print nothing. */
export function streamText(stream: StreamName, task: Task, prefixed: boolean): string {
  const text = task[stream];
  return text === '' ? '' : `${prefixed ? `${streamPrefix(stream, task)}\n` : ''}${ended(text)}`;
}

/** The line above captured text: `[stdout:0] `. The space is ipyparallel's, whose readers expect it (semantics B10). */
export function streamPrefix(stream: StreamName, task: Task): string {
  return `[${stream}:${engineOf(task)}] `;
}

/** The line above displayed outputs: `[output:0]`. */
export function outputPrefix(task: Task): string {
  return `[output:${engineOf(task)}]`;
}

/** A mime bundle on a terminal: its text, or its types and sizes. */
export function bundleText(bundle: MimeBundle): string {
  const plain = bundle['text/plain'];
  if (typeof plain === 'string' && plain !== '') return plain;
  return Object.entries(bundle)
    .filter(([type, data]) => type !== 'text/plain' && data !== undefined)
    .map(([type, data]) => `<${type}${sizeOf(data)}>`)
    .join(' ');
}

function sizeOf(data: unknown): string {
  if (typeof data === 'string') return `, ${data.length} characters`;
  return data instanceof Uint8Array ? `, ${data.byteLength} bytes` : '';
}

/** True for a bundle with more than text. */
export function isRich(bundle: MimeBundle): boolean {
  return Object.entries(bundle).some(([type, data]) => type !== 'text/plain' && data !== undefined);
}

/** Writes what a task has shown: as text, or as what it is where the sinks can show that. */
export function writeBundle(bundle: MimeBundle, { stdout, display }: Sinks): void {
  if (display !== undefined && isRich(bundle)) display(bundle);
  else writeText(ended(bundleText(bundle)), stdout);
}

/** Writes the value of a task, if it is an execution with one. */
export function writeValue(task: Task, sinks: Sinks): void {
  const { executed } = task;
  if (sinks.display === undefined || !executed?.data || !isRich(executed.data)) {
    writeText(valueText(task, sinks.stdout), sinks.stdout);
    return;
  }
  sinks.stdout.write(`Out[${engineOf(task)}:${executed.executionCount}]:\n`);
  sinks.display(executed.data);
}

function writeText(text: string, sink: TextSink): void {
  if (text !== '') sink.write(text);
}

/** `Out[engine:count]: value`, coloured where the sink is; empty when the task was no execution or has no value. */
export function valueText(task: Task, sink?: TextSink): string {
  const { executed } = task;
  const text = executed?.data ? bundleText(executed.data) : '';
  if (executed === undefined || text === '') return '';
  const gap = text.includes('\n') && !text.startsWith('\n') ? '\n' : '';
  const label = `Out[${engineOf(task)}:${executed.executionCount}]:`;
  if (sink?.hasColors?.() !== true) return `${label} ${gap}${ended(text)}`;
  return `${colored(label, 'label')} ${gap}${coloredValue(ended(text))}`;
}

/** A traceback under its heading, and an empty line. */
export function tracebackText(error: RemoteError): string {
  const { line, ename, evalue } = error;
  const heading = line.slice(0, line.length - `${ename}: ${evalue}`.length).trim();
  return `${heading}:\n${ended(error.traceback || `${ename}: ${evalue}`)}\n`;
}

/** The id of the task's engine; `-` while none has been chosen. */
export function engineOf(task: Task): string {
  return String(task.engine?.id ?? '-');
}
