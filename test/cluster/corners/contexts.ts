// Every picture against scikit-image, on real engines of every context that needs no GPU driver.
import { declareGoldens } from '../../support/corner-context.ts';

await declareGoldens(['cpu', 'wasm', 'tensorflow']);
