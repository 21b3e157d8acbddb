// The context of engines that compute nothing on a device: they load no library for it. For work that is control alone, and
// for tests with many engines.
import { ContextError } from '../../../src/errors.ts';
import type { ContextProvider } from '../context.ts';

const REFUSAL =
  "this engine was started with device 'none': it has no matmul, no kernels, no tf and no gpu; start engines with another device, such as 'cpu'";

/** Finds the context that cannot be opened. */
export const noneProvider: ContextProvider = {
  kind: 'none',
  probe: async () => ({ ok: true }),
  report: ({ threads }) => ({
    kind: 'none',
    adapter: 'none',
    driver: 'none',
    software: true,
    gpuMode: 'none',
    tfBackend: 'none',
    matmul: 'none',
    threads,
    limits: {},
    features: [],
    versions: { node: process.versions.node },
  }),
  open: async () => {
    throw new ContextError(REFUSAL);
  },
  refusal: REFUSAL,
};
