import type { ContextOptions, ContextProvider } from '../context.ts';
import { cpuProvider } from '../host/cpu.ts';
import { wasmProvider } from '../host/wasm.ts';

/**
 * The context whose gpu.js and tfjs a cuda engine has: they have no back end for CUDA, and Dawn shares no memory with it.
 * webgpu where that finds the same card by its UUID; else wasm or cpu. The report names it.
 */
export async function companionOf(options: ContextOptions): Promise<ContextProvider> {
  const { webgpuProvider } = await import('../webgpu/webgpu.ts');
  for (const provider of [webgpuProvider, wasmProvider]) {
    if ((await provider.probe(options)).ok) return provider;
  }
  return cpuProvider;
}
