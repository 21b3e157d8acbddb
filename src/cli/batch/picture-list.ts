import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ClusterError } from '../../errors.ts';
import { nameOfBytes } from '../../util/byte-names.ts';

/** Where the names of pictures come from, besides the arguments. */
export interface ListFlags {
  /** A file with names; `-` is stdin. */
  readonly filesFrom?: string;
  /** Names end in a zero byte, not in a line feed. */
  readonly null?: true;
}

/** The names of the arguments, and those of the lists that they and the flags name. @throws ClusterError */
export async function* pictureNames(
  args: readonly string[],
  { filesFrom, null: zero }: ListFlags,
): AsyncGenerator<string, void, undefined> {
  for (const arg of rawArguments(args)) {
    if (arg === '-') yield* await namesIn('-', zero ?? false);
    else yield arg;
  }
  if (filesFrom !== undefined) yield* await namesIn(filesFrom, zero ?? false);
}

async function namesIn(file: string, zero: boolean): Promise<string[]> {
  const end = zero ? 0 : 10;
  const names: string[] = [];
  const bytes = await bytesOf(file);
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(end, from);
    const to = at < 0 ? bytes.length : at;
    // Lists of other systems end their lines in CR LF.
    const last = !zero && bytes[to - 1] === 13 ? to - 1 : to;
    if (last > from) names.push(nameOfBytes(bytes.subarray(from, last)));
    from = to + 1;
  }
  return names;
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    if (file !== '-') return await readFile(file);
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    throw new ClusterError(`cannot read the list ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Node decodes arguments as UTF-8 and loses other bytes; Linux still has them. */
function rawArguments(args: readonly string[]): readonly string[] {
  if (!args.some((arg) => arg.includes('\ufffd'))) return args;
  let all: string[];
  try {
    all = splitZero(readFileSync('/proc/self/cmdline'));
  } catch {
    return args;
  }
  // Both lists have the same order: the raw argument is the one that decodes to what Node gives.
  const lossy = all.map((name) => Buffer.from(name, 'latin1').toString('utf8'));
  let next = 0;
  return args.map((arg) => {
    if (!arg.includes('\ufffd')) return arg;
    const at = lossy.indexOf(arg, next);
    if (at < 0) return arg;
    next = at + 1;
    return nameOfBytes(Buffer.from(all[at] as string, 'latin1'));
  });
}

const splitZero = (bytes: Buffer) => bytes.toString('latin1').split('\0');
