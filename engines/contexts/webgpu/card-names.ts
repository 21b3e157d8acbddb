import { ContextError } from '../../../src/errors.ts';
import type { CardChoice } from '../../../src/protocol/engine-options.ts';
import { askNvidiaSmi } from '../nvidia-smi.ts';

/** The parts of a system that WebGPU needs, for errors. */
export const NEEDS =
  'a Vulkan driver and libvulkan.so.1 on Linux (headless NVIDIA: also its GLX/EGL libraries), a GPU of Metal or D3D12 elsewhere';

/** A card as its driver lists it. */
export interface ListedCard {
  readonly uuid: string;
  readonly name: string;
}

const ANSWER_MS = 5000;
const QUERY = ['--query-gpu=uuid,name', '--format=csv,noheader'];

let listed: Promise<readonly ListedCard[]> | undefined;

/** The NVIDIA cards of this machine in the order of their numbers, asked once; none without nvidia-smi. */
function nvidiaCards(): Promise<readonly ListedCard[]> {
  listed ??= askNvidiaSmi(QUERY, ANSWER_MS).then(readCards, () => []);
  return listed;
}

/** Reads lines of a UUID, a comma and a name. */
export function readCards(text: string): ListedCard[] {
  return text.split('\n').flatMap((line) => {
    const [, uuid, name] = /^(GPU-[\w-]+), (.+?)\s*$/.exec(line) ?? [];
    return uuid === undefined || name === undefined ? [] : [{ uuid, name }];
  });
}

/**
 * The name by which Dawn finds the card: it takes the first adapter with that name, and knows neither UUIDs nor places on
 * the bus. So UUIDs lead to names by the list of the driver, and of cards with one name only the first can be taken.
 * @param names those of the adapters, in Dawn's order
 * @throws ContextError when there is no such card, or it cannot be told from another: lists the cards
 */
export async function adapterNameOf(
  choice: CardChoice,
  names: readonly string[],
  ask: () => Promise<readonly ListedCard[]> = nvidiaCards,
): Promise<string> {
  return typeof choice === 'number' ? byNumber(choice, names) : byUuid(choice, names, await ask());
}

function byNumber(index: number, names: readonly string[]): string {
  const name = names[index];
  if (name === undefined) throw new ContextError(`GPU ${index} does not exist: ${adapterList(names)}`);
  if (index === names.findIndex((other) => other.includes(name))) return name;
  throw twin(`GPU ${index}`, name);
}

function byUuid(uuid: string, names: readonly string[], cards: readonly ListedCard[]): string {
  if (/^MIG-/i.test(uuid))
    throw new ContextError(`${uuid}: parts of cards (MIG) have no Vulkan, device cuda takes them`);
  if (cards.length === 0) {
    if (names.length === 1) return names[0] as string;
    throw new ContextError(
      `${uuid} cannot be told from other cards without nvidia-smi, by number: ${adapterList(names)}`,
    );
  }
  const found = cards.filter((card) => card.uuid.toLowerCase().startsWith(uuid.toLowerCase()));
  const list = cards.map((card, i) => `${i}: ${card.name} (${card.uuid})`).join(', ');
  if (found.length > 1) throw new ContextError(`several cards begin with ${uuid}, write more of it: there are ${list}`);
  const [card] = found;
  if (card === undefined) throw new ContextError(`${uuid} does not exist: there are ${list}`);
  if (!names.some((name) => name === card.name)) {
    throw new ContextError(`${uuid} (${card.name}) has no adapter of WebGPU: ${adapterList(names)}`);
  }
  const isFirst = cards.find(({ name }) => name.includes(card.name)) === card;
  // A container may show one of twins only.
  if (isFirst || names.filter((name) => name.includes(card.name)).length === 1) return card.name;
  throw twin(uuid, card.name);
}

function twin(choice: string, name: string): ContextError {
  return new ContextError(
    `${choice} (${name}) has the name of another card, and WebGPU selects by name: hide the others from this engine ` +
      'through VK_LOADER_DEVICE_SELECT or the device nodes of its container, or take device cuda',
  );
}

function adapterList(names: readonly string[]): string {
  return names.length === 0
    ? `there is none; it needs ${NEEDS}`
    : `there are ${names.map((name, i) => `${i}: ${name}`).join(', ')}`;
}
