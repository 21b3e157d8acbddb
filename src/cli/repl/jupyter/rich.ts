import { types } from 'node:util';
import type { MimeBundle } from '../../../protocol/methods.ts';
import { mimeBundle } from '../../../protocol/mime-bundle.ts';
import { printed } from '../printed.ts';

const JUPYTER = Symbol.for('Jupyter.display');

/** A bundle as JSON: bytes as base64, text and objects as they are. */
export function jsonBundle(bundle: MimeBundle): MimeBundle {
  const entries = Object.entries(bundle).filter(([type, data]) => type.includes('/') && data !== undefined);
  return Object.fromEntries(entries.map(([type, data]) => [type, types.isUint8Array(data) ? base64(data) : data]));
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/**
 * A value in the forms that a notebook shows: its own (`Symbol.for('Jupyter.display')`, which may be asynchronous), that
 * of a picture's bytes, else the text that the REPL prints. Undefined where there is nothing to say.
 */
export async function richValue(value: unknown): Promise<MimeBundle | undefined> {
  const own = (value as { [JUPYTER]?: () => MimeBundle | Promise<MimeBundle> } | null | undefined)?.[JUPYTER];
  if (typeof own === 'function') return jsonBundle(await own.call(value));
  const text = printed(value, { colors: false });
  if (text === '') return undefined;
  return types.isUint8Array(value) ? { 'text/plain': text, ...jsonBundle(mimeBundle(value)) } : { 'text/plain': text };
}

/** A value that is shown in one form. */
export interface Displayable {
  [JUPYTER](): MimeBundle;
}

type Tag = (parts: TemplateStringsArray | string, ...values: readonly unknown[]) => Displayable;

/** The tag of a template that is shown as this MIME type: html`<b>${name}</b>`. Called as a function, it takes the text. */
function tagOf(type: string): Tag {
  return (parts, ...values) => {
    const text = typeof parts === 'string' ? parts : String.raw({ raw: parts }, ...values);
    return { [JUPYTER]: () => ({ 'text/plain': text, [type]: text }) };
  };
}

/** The tags that cells find: html, md and svg. */
export const TAGS: Readonly<Record<'html' | 'md' | 'svg', Tag>> = {
  html: tagOf('text/html'),
  md: tagOf('text/markdown'),
  svg: tagOf('image/svg+xml'),
};
