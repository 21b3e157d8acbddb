import type { Fault, Source } from './source.ts';

/** Turns of phrase that hide who does what, with what to do about them. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/^(Of|What|Whoever)\b/, 'a sentence names its subject first'],
  [/\bshall\b/i, 'will, must, or the plain present'],
  [/(?<!\bthere )\b(is|are) no (?!longer\b|more\b|less\b|fewer\b)/i, 'is not a …'],
  [/\b(bears?|bore)\b/i, 'has, carries'],
  [/\bhears? of\b/i, 'learns that, is told'],
  [/\bcomes? of it\b/i, 'the result'],
];

/** Comments and error texts that use one of the banned phrases. */
export function bannedWords(sources: readonly Source[]): Fault[] {
  return sources.flatMap(({ path, prose }) =>
    prose.flatMap(({ line, text }) =>
      sentences(text).flatMap((sentence) => {
        const hit = BANNED.find(([pattern]) => pattern.test(sentence));
        return hit === undefined ? [] : [{ path, text: `${path}:${line}: "${cut(sentence)}" (${hit[1]})` }];
      }),
    ),
  );
}

/** Code in backquotes is left out. A sentence begins after a full stop, an empty line or a tag. */
function sentences(text: string): string[] {
  return text
    .replace(/`[^`]*`/g, '`…`')
    .split(/(?<=[.!?:;])\s+|\n\s*\n|\n(?=@)/)
    .map((sentence) =>
      sentence
        .replace(/\s+/g, ' ')
        .replace(/^@\w+ /, '')
        .trim(),
    );
}

function cut(sentence: string): string {
  return sentence.length > 100 ? `${sentence.slice(0, 99)}…` : sentence;
}
