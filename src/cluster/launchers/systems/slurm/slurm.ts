import type { Launcher, LauncherJson } from '../../launcher.ts';
import { SbatchLauncher } from './sbatch.ts';
import { isInAllocation } from './slurm-environment.ts';
import { checkSlurm } from './slurm-options.ts';
import { SrunLauncher } from './srun.ts';

/** The launcher of `{ kind: 'slurm', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(options: Readonly<Record<string, unknown>>): Launcher {
  const checked = checkSlurm(options);
  const lifetime =
    checked.lifetime ?? (isInAllocation(process.env) && checked.template === undefined ? 'attached' : 'detached');
  return lifetime === 'attached' ? new SrunLauncher(checked) : new SbatchLauncher(checked);
}

/** The jobs of another process. @throws TypeError, RangeError, ProtocolError for another object */
export const fromJSON = (json: LauncherJson): Launcher => SbatchLauncher.fromJSON(json);
