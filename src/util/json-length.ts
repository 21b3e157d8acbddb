/** Bytes of a control character or of half a surrogate pair in JSON: no code unit needs more. */
const MOST_BYTES = 6;
const SHORT_ESCAPES = new Set(['\b', '\t', '\n', '\f', '\r', '"', '\\'].map((char) => char.charCodeAt(0)));

/** How many code units at the start of `text` take at most `bytes` bytes of JSON in UTF-8. May be a few fewer. */
export function fittingStart(text: string, bytes: number): number {
  if (text.length * MOST_BYTES <= bytes) return text.length;
  let left = bytes;
  for (let i = 0; i < text.length; i++) {
    left -= jsonBytes(text.charCodeAt(i));
    if (left < 0) return i;
  }
  return text.length;
}

/** How many code units at the end of `text` take at most `bytes` bytes of JSON in UTF-8. May be a few fewer. */
export function fittingEnd(text: string, bytes: number): number {
  if (text.length * MOST_BYTES <= bytes) return text.length;
  let left = bytes;
  for (let i = text.length - 1; i >= 0; i--) {
    left -= jsonBytes(text.charCodeAt(i));
    if (left < 0) return text.length - 1 - i;
  }
  return text.length;
}

// A surrogate counts as if it stood alone, so that no text is under its estimate.
function jsonBytes(code: number): number {
  if (SHORT_ESCAPES.has(code)) return 2;
  if (code < 0x20) return MOST_BYTES;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code >= 0xd800 && code <= 0xdfff ? MOST_BYTES : 3;
}
