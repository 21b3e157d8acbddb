import { type Fault, type Import, inside, type Source } from './source.ts';

/** The layers that each layer may import, besides itself. */
export type Layers = Readonly<Record<string, readonly string[]>>;

const isOurs = (from: string) => /^(src|engines|kernels|bench|examples|test)\//.test(from) || from === 'directview';

/** Imports that go up, or into a layer that the importing one may not know; files in no layer. */
export function upwardImports(sources: readonly Source[], layers: Layers): Fault[] {
  return sources.flatMap(({ path, imports }) => {
    const own = Object.keys(layers).find((layer) => inside(path, layer));
    if (own === undefined) return [{ path, text: `${path} is in no layer` }];
    const allowed = [own, ...(layers[own] as readonly string[])];
    const wrong = imports.filter(({ from }) => isOurs(from) && !allowed.some((layer) => inside(from, layer)));
    const may = allowed.slice(1).join(', ') || 'nothing';
    return wrong.map(({ from }) => ({ path, text: `${path} imports ${from}: ${own} may import ${may}` }));
  });
}

/** Who may load which heavy package at run time. */
export interface HeavyPackages {
  /** Files by package; sub-paths count as the package. */
  readonly loaders: Readonly<Record<string, readonly string[]>>;
  /** Packages that may be imported statically; the others only by `await import()`. */
  readonly staticToo: readonly string[];
}

/**
 * Heavy packages loaded by other files than theirs, or statically. Benchmarks measure the packages themselves and
 * examples are programs of users: both load them as they like.
 */
export function heavyImports(sources: readonly Source[], heavy: HeavyPackages): Fault[] {
  const product = sources.filter(({ path }) => !inside(path, 'bench') && !inside(path, 'examples'));
  return product.flatMap(({ path, imports }) =>
    imports.flatMap((entry) => {
      const text = heavyFault(path, entry, heavy);
      return text === undefined ? [] : [{ path, text }];
    }),
  );
}

function heavyFault(path: string, { from, how }: Import, { loaders, staticToo }: HeavyPackages): string | undefined {
  const isTensorFlow = from.startsWith('@tensorflow/');
  const name = Object.keys(loaders).find((heavy) => inside(from, heavy)) ?? (isTensorFlow ? from : undefined);
  if (name === undefined || how === 'type') return undefined;
  if (how === 'static' && !staticToo.includes(name)) return `${path} imports ${from} statically: use await import()`;
  const allowed = loaders[name] ?? [];
  return allowed.includes(path) ? undefined : `${path} loads ${from}: only ${allowed.join(', ') || 'nobody'} may`;
}
