// kernel: one gpu.js kernel of the user, created, called and destroyed. See engines/device/user-kernels.ts.
import type { KernelArguments } from '../../src/protocol/methods.ts';
import type { Verb } from './verb.ts';

export const kernel: Verb<KernelArguments> = {
  // It runs on the device and writes into nothing but its result.
  runsUserCode: () => false,
  run(args, session) {
    if (args.do === 'create') return session.kernels.create(args);
    if (args.do === 'call') return session.kernels.call(args, session);
    if (args.do === 'destroy') return session.kernels.destroy(args.id);
    throw new TypeError(`kernel cannot do '${String((args as { do?: unknown }).do)}'`);
  },
};
