// Every picture against scikit-image, on real engines with a GPUDevice (a software one): the slowest context has a file of its own.
import { declareGoldens } from '../../support/corner-context.ts';

await declareGoldens(['webgpu']);
