import { pdot } from '../../client/pdot/pdot.ts';
import { Cluster } from '../../cluster/cluster.ts';
import { fromModule } from '../../protocol/values/module-function.ts';
import { ref } from '../../protocol/values/ref.ts';
import { range, tensor } from '../../tensor/convert.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { installLoader } from '../../util/user-modules/hooks.ts';

/** The names of this package that code in a session finds. */
export const GLOBALS = { Cluster, fromModule, pdot, range, ref, Tensor, tensor };

/** Lets evaluated code import modules, `directview` too, as a script of the user's would. Once per process. */
export function prepareEvaluation(): void {
  installLoader(null);
  muteLoaderWarning();
}

/** Node 20 warns that imports of evaluated code are experimental; its own REPL does not. */
function muteLoaderWarning(): void {
  const listeners = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (!warning.message.includes('USE_MAIN_CONTEXT_DEFAULT_LOADER'))
      for (const listener of listeners) listener(warning);
  });
}
