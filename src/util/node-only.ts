// Refuses other runtimes than Node, before zeromq is loaded: under Bun it crashes the process, under Deno it hangs.
const { Bun, Deno } = globalThis as { readonly Bun?: unknown; readonly Deno?: unknown };
const runtime = 'bun' in process.versions || Bun !== undefined ? 'Bun' : Deno === undefined ? undefined : 'Deno';

if (runtime !== undefined) {
  throw new Error(`directview runs on Node.js only, 20.19 or newer: ${runtime} cannot run zeromq, its message library`);
}
