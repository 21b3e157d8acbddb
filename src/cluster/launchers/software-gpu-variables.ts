/** The environment of a software GPU. Loads the code on demand, as it may have to unpack a Vulkan driver. */
export async function softwareGpuVariables(): Promise<Record<string, string>> {
  const { softwareGpuEnv } = await import('./software-gpu.ts');
  return softwareGpuEnv();
}
