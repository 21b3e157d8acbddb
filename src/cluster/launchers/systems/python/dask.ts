import type { Launcher } from '../../launcher.ts';
import { PythonLauncher } from './python-launcher.ts';
import { checkDask } from './python-options.ts';

/** The launcher of `{ kind: 'dask', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(given: Readonly<Record<string, unknown>>): Launcher {
  const options = checkDask(given);
  const { address, schedulerFile, perAgent = 1 } = options;
  return new PythonLauncher({
    kind: 'dask',
    options,
    config: { address, schedulerFile },
    resources: ({ gpusPerEngine }) => {
      const cards = (options.gpus ?? gpusPerEngine) * perAgent;
      return cards === 0 ? {} : { GPU: cards };
    },
  });
}
