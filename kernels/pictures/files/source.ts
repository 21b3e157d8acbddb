import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { fsPath, nameOfBytes, shownPath } from '../../../src/util/byte-names.ts';
import { PictureError } from '../picture-error.ts';

/**
 * A picture to read: a path, a `file:` URL (as text too), or the bytes of a file. A path from findPictures may have
 * escaped bytes: see `fsPath`.
 */
export type PictureSource = string | URL | Uint8Array;

/** The name of a source in errors. */
export function nameOf(source: PictureSource): string {
  if (source instanceof Uint8Array) return `picture of ${source.byteLength} bytes`;
  return shownPath(String(source));
}

/** The bytes of a source. @throws PictureError when the file cannot be read; TypeError for a value that names no file */
export async function bytesOf(source: PictureSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  const path = pathOf(source);
  try {
    return await readFile(fsPath(path));
  } catch (error) {
    throw new PictureError(`cannot read ${nameOf(source)}: ${(error as Error).message}`, { cause: error });
  }
}

/** The path that a text or a `file:` URL names. @throws PictureError for another URL; TypeError for another value */
export function pathOf(source: string | URL): string {
  if (typeof source === 'string') return /^(?:file|https?):\/\//i.test(source) ? fileOf(new URL(source)) : source;
  const value: unknown = source;
  // A URL may come from another realm, which has its own class.
  if (typeof value === 'object' && value !== null && 'href' in value) return fileOf(new URL(String(value.href)));
  throw new TypeError(`a picture to read is a path, a file: URL or a Uint8Array, not ${String(value)}`);
}

function fileOf(url: URL): string {
  if (url.protocol !== 'file:') {
    throw new PictureError(`cannot read ${url}: only file: URLs are opened. Fetch the picture and pass its bytes`);
  }
  try {
    return fileURLToPath(url);
  } catch (error) {
    if (error instanceof URIError) return nameOfBytes(decodedBytes(url.pathname));
    throw error;
  }
}

/** The bytes of a path that is percent-encoded and not UTF-8. */
function decodedBytes(pathname: string): Uint8Array {
  const byte = (code: string) => String.fromCharCode(Number.parseInt(code, 16));
  return Buffer.from(
    pathname.replace(/%([0-9a-f]{2})/gi, (_, code: string) => byte(code)),
    'latin1',
  );
}
