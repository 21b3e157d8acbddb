import type { Launcher } from '../../launcher.ts';
import { PythonLauncher } from './python-launcher.ts';
import { checkRay } from './python-options.ts';

/** The launcher of `{ kind: 'ray', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(given: Readonly<Record<string, unknown>>): Launcher {
  const options = checkRay(given);
  const { address, strategy = 'SPREAD', perAgent = 1 } = options;
  return new PythonLauncher({
    kind: 'ray',
    options,
    config: { address, strategy },
    resources: ({ gpusPerEngine, cpusPerEngine }) => {
      const cards = (options.gpus ?? gpusPerEngine) * perAgent;
      const processors = { CPU: (options.cpus ?? cpusPerEngine) * perAgent };
      return cards === 0 ? processors : { ...processors, GPU: cards };
    },
  });
}
