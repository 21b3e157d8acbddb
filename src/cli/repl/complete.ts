// Tab completion: % commands, their options, and the names on engines.
import type { Client } from '../../client/client.ts';
import { COMMANDS, FLAGS } from './px-line.ts';

/** Candidates, and the text that they replace: the form that node:repl takes. */
export type Completion = [string[], string];

const ENGINE_ANSWER_MS = 500;
const NS = /\.ns\.([\w$]*)$/;
const PATH = /([A-Za-z_$][\w$]*(?:\.[\w$]*)*)?$/;

/** Completes px commands and code for engines. Returns undefined for the REPL's own JavaScript. */
export async function completePx(
  line: string,
  rc: Client,
  where: { readonly targets: string; readonly remote: boolean },
): Promise<Completion | undefined> {
  const command = /^\s*(%%?\w*)$/.exec(line)?.[1];
  if (command !== undefined) return matching(COMMANDS, command);
  const option = /^\s*%%?\w+(?:\s.*)?\s(--[\w-]*)$/.exec(line)?.[1];
  if (option !== undefined) return matching(optionNames(), option);
  const assigned = NS.exec(line);
  if (assigned !== null) return matching(await engineNames(rc, where.targets, []), assigned[1] as string);
  return where.remote || /^\s*%px\s/.test(line) ? onEngine(PATH.exec(line)?.[1] ?? '', rc, where.targets) : undefined;
}

function optionNames(): string[] {
  return FLAGS.flatMap(({ names }) => names).filter((name) => name.startsWith('--'));
}

function matching(names: readonly string[], start: string): Completion {
  return [names.filter((name) => name.startsWith(start)).sort(), start];
}

async function onEngine(path: string, rc: Client, targets: string): Promise<Completion> {
  const parents = path.split('.').slice(0, -1);
  const prefix = parents.map((name) => `${name}.`).join('');
  const names = await engineNames(rc, targets, parents);
  return matching(
    names.map((name) => prefix + name),
    path,
  );
}

/** Names in the first engine's namespace, or in an object there; none when the engine is busy. */
async function engineNames(rc: Client, targets: string, parents: readonly string[]): Promise<string[]> {
  const [id] = rc.view(targets).ids;
  if (id === undefined) return [];
  const asked = rc.view(id).apply(propertyNames, parents);
  try {
    return await asked.get({ timeout: ENGINE_ANSWER_MS });
  } catch {
    if (!asked.ready) await asked.abort().catch(() => {});
    return [];
  }
}

// Runs on the engine. Reads no getters, because the engine's own are lazy and costly.
function propertyNames(parents: readonly string[]): string[] {
  let owner: unknown = globalThis;
  for (const name of parents) {
    const found = Object.getOwnPropertyDescriptor(Object(owner), name);
    if (found === undefined || found.get !== undefined) return [];
    owner = found.value;
  }
  const names = new Set<string>();
  for (let o = Object(owner); o !== null; o = Object.getPrototypeOf(o)) {
    if (o === Object.prototype && names.size > 0) break;
    for (const name of Object.getOwnPropertyNames(o)) if (/^[A-Za-z_$][\w$]*$/.test(name)) names.add(name);
  }
  return [...names];
}
