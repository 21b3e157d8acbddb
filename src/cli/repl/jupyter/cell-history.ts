import type { Content } from './message.ts';

interface Entry {
  readonly line: number;
  readonly input: string;
  output: string | null;
}

/** The number of this kernel's session: earlier ones are not kept. */
const SESSION = 1;
const MANY = 1000;

/** The inputs of a kernel, and their values as text, for `history_request`. */
export class CellHistory {
  readonly #entries: Entry[] = [];

  /** Notes an input; the returned function notes its value. */
  add(line: number, input: string): (output: string) => void {
    const entry: Entry = { line, input, output: null };
    this.#entries.push(entry);
    return (output) => {
      entry.output = output;
    };
  }

  /** The content of the reply. */
  answer(request: Content): Content {
    const form = ({ line, input, output }: Entry) => [
      SESSION,
      line,
      request['output'] === true ? [input, output] : input,
    ];
    return { status: 'ok', history: this.#found(request).map(form) };
  }

  #found(request: Content): readonly Entry[] {
    const n = Number(request['n'] ?? MANY);
    if (request['hist_access_type'] === 'tail') return this.#entries.slice(-n);
    if (request['hist_access_type'] === 'search') return this.#search(request).slice(-n);
    const session = Number(request['session'] ?? 0);
    if (session !== 0 && session !== SESSION) return [];
    const start = Number(request['start'] ?? 0);
    const stop = Number(request['stop'] ?? Number.POSITIVE_INFINITY);
    return this.#entries.filter(({ line }) => line >= start && line < stop);
  }

  #search({ pattern, unique }: Content): readonly Entry[] {
    const matches = globPattern(typeof pattern === 'string' ? pattern : '*');
    const found = this.#entries.filter(({ input }) => matches.test(input));
    if (unique !== true) return found;
    return found.filter(({ input }, i) => found.findIndex((other) => other.input === input) === i);
  }
}

/** A pattern of a shell, `*` and `?`, as a regular expression over the whole text. */
function globPattern(glob: string): RegExp {
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[\\s\\S]*').replaceAll('?', '[\\s\\S]')}$`);
}
