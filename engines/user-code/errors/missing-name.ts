const CLOSURE =
  'functions travel as source without their closure; pass it as an argument, push it, use ref(), or import it with fromModule(url, name)';
const LOWERED = 'your build lowered this function to older syntax: target ES2022 and module NodeNext';
const RENAMED =
  'if it is a helper of your compiler, your build lowered and renamed this function: target ES2022, or keep the names of helpers';
const IMPORTED =
  'your build made this name of an import: call await import() inside the function, or use fromModule(url, name)';
const NO_TERMINAL = 'a task has no terminal and no page: pass what it needs as an argument';

/** Kinds of free names that an engine does not have, and the remedy of each. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /^__(dirname|filename)$/,
    'a function on an engine has no file: pass the folder as an argument, or use process.cwd()',
  ],
  [/^__vite_ssr_import_meta__$/, 'import.meta exists only in its module: pass what it needs as an argument'],
  [
    /^(__vite_ssr_import_\d+__|__vi_import_\d+__|import_\w+|_?[a-zA-Z][\w$]*_(\d+|module)(_\d+)?|__WEBPACK_\w+|__webpack_\w+|_interop\w+)$/,
    IMPORTED,
  ],
  [/^(cov_\w+|__cov_\w+|__coverage__)$/, 'your coverage tool instrumented this function: collect coverage with V8'],
  [/^(__\w+|tslib\w*|regeneratorRuntime|_[a-z]\w*|_\w+_\w+|_[A-Z]\w*)$/, LOWERED],
  [/^(prompt|alert|confirm|window|document|localStorage)$/, NO_TERMINAL],
  [/^(module|exports)$/, 'a function on an engine is in no CommonJS file: return the value'],
];
/** Remedies that help in code of `execute` too. */
const OF_CODE: ReadonlySet<string> = new Set([NO_TERMINAL, ...REMEDIES.slice(0, 2).map(([, remedy]) => remedy)]);

/** How code used a free name. */
export interface FreeUse {
  /** The source of the function that travelled, if any. */
  readonly source?: string | undefined;
  /** It assigned the name, and did not read it. */
  readonly isAssigned?: boolean | undefined;
}

/** The remedy for a free name that is not defined on an engine. `ran`: a function that travelled, or source text. */
export function remedyOf(name: string, ran: 'function' | 'code', use: FreeUse = {}): string | undefined {
  if (use.isAssigned === true) return remedyOfAssignment(name, ran);
  const found = REMEDIES.find(([pattern]) => pattern.test(name))?.[1];
  if (ran === 'function') return found ?? (mayBeRenamed(name, use.source ?? '') ? `${CLOSURE}; ${RENAMED}` : CLOSURE);
  return found !== undefined && OF_CODE.has(found) ? found : undefined;
}

function remedyOfAssignment(name: string, ran: 'function' | 'code'): string {
  const runs = ran === 'function' ? 'functions run strict' : 'this code runs strict';
  const remedy = `${runs}, where an assignment makes no name; write globalThis.${name} = … to make one on the engine, or push it first`;
  return name.startsWith('_') ? `${remedy}; if your compiler made the name, ${LOWERED}` : remedy;
}

// Minified code has one or two letters, no line breaks and no blanks around its operators.
function mayBeRenamed(name: string, source: string): boolean {
  if (name.length > 2 || !source.includes(`${name}(`)) return false;
  return /\bfunction\*/.test(source) || !/[,=>{};:?+*] |\n./.test(source);
}
