import type { Verb } from './verb.ts';

/** Creates, calls, shows and destroys gpu.js kernels of the user; engines/device/user-kernels.ts does the work. */
export const kernel: Verb<'kernel'> = {
  peeks: true,
  // It runs on the device and writes into nothing but its result.
  runsUserCode: () => false,
  run(args, state) {
    switch (args.do) {
      case 'create':
        return state.kernels.create(args).then(() => undefined);
      case 'call':
        return state.kernels.call(args, state);
      case 'chain':
        return state.kernels.chain(args, state);
      case 'source':
        return state.kernels.source(args.id);
      case 'destroy':
        state.kernels.destroy(args.id);
        return undefined;
      default:
        throw new TypeError(`kernel cannot do '${String((args as { do?: unknown }).do)}'`);
    }
  },
};
