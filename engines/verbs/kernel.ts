import type { Verb } from './verb.ts';

/** Creates, calls and destroys a gpu.js kernel of the user; engines/device/user-kernels.ts does the work. */
export const kernel: Verb<'kernel'> = {
  peeks: true,
  // It runs on the device and writes into nothing but its result.
  runsUserCode: () => false,
  run(args, state) {
    if (args.do === 'call') return state.kernels.call(args, state);
    if (args.do === 'create') return state.kernels.create(args).then(() => undefined);
    if (args.do === 'destroy') state.kernels.destroy(args.id);
    else throw new TypeError(`kernel cannot do '${String((args as { do?: unknown }).do)}'`);
    return undefined;
  },
};
