import { ON_CARD, type Part } from '../../../bench/checkup/parts.ts';

const TILES = '^(32x32x16|64x64x16-4x4)';

/** More arguments of a script, so that software manages it: later ones win. */
const SMALLER: Readonly<Record<string, readonly string[]>> = {
  'checkup/measure/tiles.js': ['--tiles', TILES],
  'conformance.js': ['--tiles', '^32x32x16-4x4-b1u1$', '--jobs', '1'],
  'pdot.js': ['--rounds', '1'],
  'corners.js': ['--repeat', '1', '--rounds', '1'],
};

/** All parts of a card with sizes of at most 96: the same scripts, arguments and order. */
export function smallParts(): Part[] {
  return ON_CARD.map((part) => ({
    ...part,
    args: [...part.args.map(smaller), ...(SMALLER[part.script] ?? [])],
    share: { least: Math.min(part.share.least, 1), most: part.share.most },
  }));
}

/** Sizes of hundreds and more become two-digit ones: different ones stay different. */
function smaller(text: string): string {
  if (!/^\d{3,}/.test(text)) return text;
  return [
    ...new Set(
      text
        .split(',')
        .map((size) => size.replaceAll(/\d{3,}/g, (n) => String(Math.min(96, Math.ceil(Number(n) / 64) + 1)))),
    ),
  ].join(',');
}
