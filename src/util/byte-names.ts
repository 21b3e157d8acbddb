const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const REPLACEMENT = '\ufffd';
const ESCAPE = 0xdc00;
/** Escaped bytes: low surrogates without a high one before them. */
const ESCAPED = /(?<![\ud800-\udbff])[\udc80-\udcff]/;
const ALL_ESCAPED = new RegExp(ESCAPED.source, 'g');

/**
 * The text of a file name. Bytes that are not UTF-8 become the lone surrogates U+DC80 to U+DCFF, as Python's
 * surrogateescape does (PEP 383), so that no name is lost: `fsPath` gives the bytes again.
 */
export function nameOfBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.includes(REPLACEMENT) ? escaped(bytes) : text;
}

function escaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = lengthOf(bytes[at] as number);
    const known = decoded(bytes.subarray(at, at + length));
    text += known ?? String.fromCharCode(ESCAPE + (bytes[at] as number));
    at += known === undefined ? 1 : length;
  }
  return text;
}

/** The bytes of a character that begins with this one. */
function lengthOf(lead: number): number {
  if (lead < 0xc0) return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The path as node:fs takes it: the text itself, or bytes where a name has escaped ones. */
export function fsPath(path: string): string | Buffer {
  return ESCAPED.test(path) ? bytesOfName(path) : path;
}

/** The bytes of a name or path, with escaped bytes as they were. */
export function bytesOfName(path: string): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { index, 0: one } of path.matchAll(ALL_ESCAPED)) {
    parts.push(Buffer.from(path.slice(from, index)), Buffer.from([one.charCodeAt(0) - ESCAPE]));
    from = index + 1;
  }
  return Buffer.concat([...parts, Buffer.from(path.slice(from))]);
}

/** The path for people: escaped bytes are written as `\xe9`. */
export function shownPath(path: string): string {
  return path.replace(ALL_ESCAPED, (one) => `\\x${(one.charCodeAt(0) - ESCAPE).toString(16)}`);
}
