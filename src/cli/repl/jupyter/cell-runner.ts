import { cellsOf, type InputCell } from '../cell-reader.ts';
import type { Evaluation } from '../evaluator/local-evaluator.ts';
import type { ReplSession } from '../session.ts';

/**
 * Runs the text of a notebook's cell; the value is that of its last part. A cell is one program, so that functions may
 * stand below their use; lines that begin with % or ? cut it.
 */
export async function runCell(session: ReplSession, text: string): Promise<Evaluation | undefined> {
  let last: Evaluation | undefined;
  for (const part of partsOf(text)) last = await session.run(part);
  return last;
}

/** The parts of a cell, in order. */
export function partsOf(text: string): InputCell[] {
  if (text.trim() === '') return [];
  if (/^\s*%%/.test(text)) return wholeMagic(text);
  if (!/^\s*(?:[%?]|\.[a-z]+\b)/m.test(text)) return [{ kind: 'code', code: text }];
  return cellsOf(text).reduce(joined, [] as InputCell[]);
}

// A %%px cell of a notebook ends where the cell does, whatever empty lines it has.
function wholeMagic(text: string): InputCell[] {
  const [line = '', ...lines] = text.trimStart().split(/\r?\n/);
  return [{ kind: 'magic', line, code: `${lines.join('\n')}\n` }];
}

function joined(parts: InputCell[], part: InputCell): InputCell[] {
  const last = parts.at(-1);
  if (last?.kind !== 'code' || part.kind !== 'code') return [...parts, part];
  return [...parts.slice(0, -1), { kind: 'code', code: `${last.code}\n${part.code}` }];
}
