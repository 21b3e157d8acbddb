import { inspect } from 'node:util';
import type { MimeBundle } from './methods.ts';

const JUPYTER = Symbol.for('Jupyter.display');
const PNG = [0x89, 0x50, 0x4e, 0x47];
const JPEG = [0xff, 0xd8, 0xff];

/** The value's own bundle if it has one; else a picture or page, if its bytes or text are one; else `text/plain`. */
export function mimeBundle(value: unknown): MimeBundle {
  return ownBundle(value) ?? picture(value) ?? page(value) ?? { 'text/plain': plain(value) };
}

/** The text of a value, as a terminal shows it. */
export function plain(value: unknown): string {
  return inspect(value, { colors: false });
}

function ownBundle(value: unknown): MimeBundle | undefined {
  const own = (value as { [JUPYTER]?: () => MimeBundle } | null | undefined)?.[JUPYTER];
  return typeof own === 'function' ? own.call(value) : undefined;
}

function picture(value: unknown): MimeBundle | undefined {
  if (!(value instanceof Uint8Array)) return undefined;
  if (PNG.every((byte, i) => value[i] === byte)) return { 'image/png': value };
  return JPEG.every((byte, i) => value[i] === byte) ? { 'image/jpeg': value } : undefined;
}

function page(value: unknown): MimeBundle | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\s*(<\?xml[^>]*>\s*)?<svg[\s/>]/i.test(value)) return { 'image/svg+xml': value };
  return /^\s*<(!doctype html|html|div|table|p|h[1-6])[\s>]/i.test(value) ? { 'text/html': value } : undefined;
}
