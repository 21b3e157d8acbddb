import type { Completion } from './complete.ts';

const PATH =
  /(?:^|[^\w$.\])'"])([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*|\[-?\d+\]|\['[^'\]]*'\])*\.)?([A-Za-z_$][\w$]*)?$/;
const STEP = /([A-Za-z_$][\w$]*)|\[(-?\d+)\]|\['([^']*)'\]/g;
const NAME = /^[A-Za-z_$][\w$]*$/;
const KEYWORDS = [
  ...['async', 'await', 'break', 'case', 'catch', 'class', 'const', 'continue', 'debugger', 'default', 'delete', 'do'],
  ...[
    'else',
    'false',
    'finally',
    'for',
    'function',
    'if',
    'import',
    'in',
    'instanceof',
    'let',
    'new',
    'null',
    'return',
  ],
  ...['switch', 'this', 'throw', 'true', 'try', 'typeof', 'var', 'void', 'while', 'with', 'yield'],
];

/** Completes a name, or a member of what a path such as `rc[0].` leads to, in this process. */
export function completeLocal(line: string): Completion {
  const [, path = '', start = ''] = PATH.exec(line) ?? [];
  if (path === '' && start === '') return [[], ''];
  const names = path === '' ? [...namesOf(globalThis), ...KEYWORDS] : membersOf(path);
  const found = [...new Set(names)].filter((name) => name.startsWith(start)).sort();
  return [found.map((name) => path + name), path + start];
}

function membersOf(path: string): string[] {
  try {
    let owner: unknown = globalThis;
    for (const [, name, index, key] of path.matchAll(STEP)) {
      owner = Reflect.get(Object(owner), (name ?? index ?? key) as string, owner);
      if (owner === undefined || owner === null) return [];
    }
    return namesOf(owner);
  } catch {
    return []; // a getter or a proxy of the user that throws
  }
}

/** Names along the prototypes; those that all objects have, only for an object that has nothing else. */
function namesOf(owner: unknown): string[] {
  const names = new Set<string>();
  for (let o: object | null = Object(owner) as object; o !== null; o = Object.getPrototypeOf(o)) {
    if (o === Object.prototype && names.size > 0) break;
    for (const name of Object.getOwnPropertyNames(o)) if (NAME.test(name)) names.add(name);
  }
  return [...names];
}
