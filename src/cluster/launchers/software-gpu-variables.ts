// The environment of a software GPU, loaded on demand: it may have to unpack a Vulkan driver.
export async function softwareGpuVariables(): Promise<Record<string, string>> {
  const { softwareGpuEnv } = await import('./software-gpu.ts');
  return softwareGpuEnv();
}
