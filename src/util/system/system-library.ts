import { createRequire } from 'node:module';
import process from 'node:process';

type Koffi = typeof import('koffi');

/** The system's C library, and the package that calls it. */
export interface SystemLibrary {
  readonly koffi: Koffi;
  /** A function of the library by its C prototype, typed as the caller says. @throws Error where the library has none */
  call<Call>(prototype: string): Call;
}

const requireHere = createRequire(import.meta.url);

/**
 * Calls of the system's C library, bound at the first question. The function that is returned gives undefined on other systems than
 * Linux, where koffi is not installed, and where the library lacks one of the calls.
 */
export function systemCalls<Calls>(bind: (library: SystemLibrary) => Calls): () => Calls | undefined {
  let bound: Calls | null | undefined;
  return () => {
    if (bound === undefined) bound = bindNow(bind) ?? null;
    return bound ?? undefined;
  };
}

function bindNow<Calls>(bind: (library: SystemLibrary) => Calls): Calls | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = requireHere('koffi') as Koffi;
    const library = koffi.load('libc.so.6');
    return bind({ koffi, call: <Call>(prototype: string) => library.func(prototype) as Call });
  } catch {
    return undefined;
  }
}
