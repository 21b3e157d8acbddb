import { inspect, types } from 'node:util';
import type { MimeBundle } from '../../../protocol/methods.ts';
import { mimeBundle } from '../../../protocol/mime-bundle.ts';
import { printed } from '../printed.ts';

const JUPYTER = Symbol.for('Jupyter.display');

/** A bundle as JSON: bytes as base64, text as it is, objects as JSON has them. @throws TypeError for data that it has not */
export function jsonBundle(bundle: MimeBundle): MimeBundle {
  if (typeof bundle !== 'object' || bundle === null) {
    throw new TypeError(`a display is an object of MIME types and their data, not ${inspect(bundle)}`);
  }
  const entries = Object.entries(bundle).filter(([type, data]) => type.includes('/') && data !== undefined);
  return Object.fromEntries(entries.map(([type, data]) => [type, jsonData(type, data)]));
}

function jsonData(type: string, data: unknown): unknown {
  if (types.isUint8Array(data)) return base64(data);
  return typeof data === 'string' ? data : inJson(type, data);
}

function inJson(type: string, data: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(data)) as unknown;
  } catch (error) {
    throw new TypeError(`the data of '${type}' cannot be JSON: ${(error as Error).message.split('\n')[0]}`);
  }
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/**
 * A value in the forms that a notebook shows: its own (`Symbol.for('Jupyter.display')`, which may be asynchronous), that
 * of a picture's bytes, else the text that the REPL prints. Undefined where there is nothing to say. At once where its own form
 * is there at once, so that displays keep their order.
 * @throws TypeError for a form of its own that a notebook cannot show
 */
export function richValue(value: unknown): MimeBundle | undefined | Promise<MimeBundle | undefined> {
  const own = (value as { [JUPYTER]?: () => MimeBundle | Promise<MimeBundle> } | null | undefined)?.[JUPYTER];
  if (typeof own === 'function') {
    const bundle = own.call(value);
    return isPromise(bundle) ? bundle.then(saidBundle) : saidBundle(bundle);
  }
  const text = printed(value, { colors: false });
  if (text === '') return undefined;
  return types.isUint8Array(value) ? { 'text/plain': text, ...jsonBundle(mimeBundle(value)) } : { 'text/plain': text };
}

/** Undefined for a bundle that says nothing. */
function saidBundle(bundle: MimeBundle): MimeBundle | undefined {
  const made = jsonBundle(bundle);
  return Object.keys(made).length === 0 ? undefined : made;
}

const isPromise = (value: object): value is Promise<MimeBundle> => value instanceof Promise;

/** The promise, which a cell that ends with it does not show. */
export function silent<T>(promise: Promise<T>): Promise<T> {
  return Object.assign(promise, { [JUPYTER]: () => ({}) });
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

/** The tags that cells find. Called as functions, they take the text. */
export interface TagFunctions {
  /** A value that is shown as HTML: html`<b>${name}</b>`. */
  readonly html: Tag;
  /** A value that is shown as Markdown: md`*${name}*`. */
  readonly md: Tag;
  /** A value that is shown as a picture: svg`<svg>…</svg>`. */
  readonly svg: Tag;
}

/** The tags that cells find: html, md and svg. */
export const TAGS: TagFunctions = {
  html: tagOf('text/html'),
  md: tagOf('text/markdown'),
  svg: tagOf('image/svg+xml'),
};
