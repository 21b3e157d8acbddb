import type { Verb } from './verb.ts';

/** Creates, calls and destroys a gpu.js kernel of the user; engines/device/user-kernels.ts does the work. */
export const kernel: Verb<'kernel'> = {
  // It runs on the device and writes into nothing but its result.
  runsUserCode: () => false,
  run(args, session) {
    if (args.do === 'call') return session.kernels.call(args, session);
    if (args.do === 'create') session.kernels.create(args);
    else if (args.do === 'destroy') session.kernels.destroy(args.id);
    else throw new TypeError(`kernel cannot do '${String((args as { do?: unknown }).do)}'`);
    return undefined;
  },
};
