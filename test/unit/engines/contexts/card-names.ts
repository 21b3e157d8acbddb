// The name by which Dawn finds a card that was chosen by number or by UUID.
import * as assert from 'uvu/assert';
import { adapterNameOf, readCards } from '../../../../engines/contexts/webgpu/card-names.ts';
import { ContextError } from '../../../../src/errors.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('names of cards');
const [H100, L4] = ['NVIDIA H100 80GB HBM3', 'NVIDIA L4'];
const THREE = `GPU-8a6f0c31-0000-1111-2222-333344445555, ${H100}
GPU-8b6f0c31-0000-1111-2222-333344445555, ${L4}
GPU-9a6f0c31-0000-1111-2222-333344445555, ${H100}
`;
const cards = readCards(THREE);
const pick = (choice: number | string, names: readonly string[], listed = cards) =>
  adapterNameOf(choice, names, async () => listed);

test("the driver's list is read, and lines of something else are not", () => {
  assert.equal(
    cards.map(({ name }) => name),
    [H100, L4, H100],
  );
  assert.equal(readCards('No devices were found\n'), []);
});

test('a UUID, or its beginning in any case, leads to the name of its adapter', async () => {
  assert.is(await pick('GPU-8b6f0c31-0000-1111-2222-333344445555', [H100, L4, H100]), L4);
  assert.is(await pick('gpu-8B', [L4]), L4);
  assert.is(await pick('GPU-8a', [H100, H100, L4]), H100);
});

test('the second of two cards with one name cannot be told from the first, unless a container shows it alone', async () => {
  await rejects(() => pick('GPU-9a', [H100, L4, H100]), ContextError, /GPU-9a .*selects by name.*device cuda/);
  assert.is(await pick('GPU-9a', [H100, L4]), H100);
  await rejects(() => pick(1, [H100, H100]), ContextError, /GPU 1 .*name of another card/);
  // A name that is the beginning of another one is found first by Dawn as well.
  await rejects(() => pick(1, ['NVIDIA L40S', 'NVIDIA L4']), ContextError, /name of another card/);
  assert.is(await pick(1, [H100, L4]), L4);
});

test('what is not there is told with the cards that are', async () => {
  await rejects(() => pick('GPU-8', [H100]), ContextError, /several cards begin with GPU-8.*0: NVIDIA H100.*GPU-8a6f/);
  await rejects(() => pick('GPU-ff', [H100]), ContextError, /GPU-ff does not exist: there are 0: NVIDIA H100/);
  await rejects(
    () => pick('GPU-8b', [H100]),
    ContextError,
    /NVIDIA L4\) has no adapter of WebGPU: there are 0: NVIDIA H100/,
  );
  await rejects(() => pick('MIG-ab', [H100]), ContextError, /parts of cards \(MIG\) have no Vulkan/);
  await rejects(
    () => pick(2, [H100, L4]),
    ContextError,
    /GPU 2 does not exist: there are 0: NVIDIA H100.*1: NVIDIA L4/,
  );
  await rejects(() => pick(0, []), ContextError, /there is none; it needs/);
});

test('without nvidia-smi the only adapter is the card, and several are not told apart', async () => {
  assert.is(await pick('GPU-8a', [L4], []), L4);
  await rejects(() => pick('GPU-8a', [H100, L4], []), ContextError, /without nvidia-smi.*0: NVIDIA H100.*1: NVIDIA L4/);
});

test.run();
