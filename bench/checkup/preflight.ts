import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { softwareGpuEnv } from '../../src/cluster/launchers/software-gpu.ts';
import { Child } from './child.ts';
import { type Attempt, attemptsOf, lackingLibraries, systemLibraries } from './environment.ts';
import { cards } from './nvidia-smi.ts';
import type { ProbedAdapter } from './probe.ts';
import { findDriverFiles } from './vulkan-files.ts';

/** Seconds for all of it; longer on a machine whose driver lists a card: it may have to wake up first. */
const LIMIT_S = { noCard: 10, card: 30 };

/** A driver that was asleep takes some seconds. */
const NVIDIA_SMI_MS = 5000;
/** The Vulkan loader says which of its files and libraries fail. */
const LOADER = { VK_LOADER_DEBUG: 'error' };
/** Lines of a loader that are told. */
const TOLD = 3;

/** The card, and the variables with which it is found. Without a card: what was tried. */
export interface Preflight {
  readonly adapter: ProbedAdapter | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly cards: readonly Record<string, string>[] | string;
  /** True where CUDA opens the card; else the reason. */
  readonly cuda: true | string;
  /** Files of GPUs below /dev. */
  readonly nodes: readonly string[];
  /** One line for each way that was tried. */
  readonly tried: readonly string[];
  readonly lacking: readonly string[];
}

/** The adapter that a way led to, or the reason why there is none; and what CUDA said there. */
interface Outcome {
  readonly adapter: ProbedAdapter | string;
  readonly cuda: true | string;
}

/**
 * Finds a hardware adapter, or a software one with `software`. It looks for driver files where loaders do not look, and
 * brings the loaders' libraries that the system lacks.
 * @param print takes each line as it is known
 */
export async function preflight(
  { software, work, env }: { readonly software: boolean; readonly work: string; readonly env: NodeJS.ProcessEnv },
  print: (line: string) => void,
): Promise<Preflight> {
  const started = performance.now();
  mkdirSync(work, { recursive: true });
  // Asked first: it wakes the driver, and tells whether waiting is worth it.
  const found = await cards(NVIDIA_SMI_MS);
  const limit = typeof found === 'string' ? LIMIT_S.noCard : LIMIT_S.card;
  const left = () => limit - (performance.now() - started) / 1000;
  const lacking = lackingLibraries(carriedFolder(), systemLibraries(), work);
  if (lacking !== undefined) print(`brought along, as this system lacks them: ${lacking.names.join(', ')}`);
  const ways = software
    ? [{ name: 'the software GPU', env: await softwareGpuEnv() }]
    : attemptsOf({ env, files: findDriverFiles(), folders: await folders(lacking), work });
  const tried: string[] = [];
  let cuda: true | string = 'nothing was tried';
  const done = (adapter: ProbedAdapter | undefined, by: Attempt['env']): Preflight => {
    const names = lacking?.names ?? [];
    return { adapter, env: by, cards: found, cuda, nodes: nodesOf('/dev'), tried, lacking: names };
  };
  for (const way of ways) {
    if (left() < 0.5) {
      tried.push(`${way.name}: no time left`);
      continue;
    }
    const outcome = await probed({ ...env, ...way.env, ...LOADER }, left());
    if (cuda !== true) cuda = outcome.cuda;
    const fault = typeof outcome.adapter === 'string' ? outcome.adapter : refusal(outcome.adapter, software);
    if (fault === undefined) return done(outcome.adapter as ProbedAdapter, way.env);
    tried.push(`${way.name}: ${fault}`);
    print(`no card by ${way.name}: ${fault}`);
  }
  return done(undefined, cuda === true ? (ways[0]?.env ?? {}) : {});
}

/** The names of GPUs' files: without some of them, a container has a driver and no card. */
export function nodesOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^(nvidia|dri$|dxg$)/.test(name));
  } catch {
    // It may not be read.
    return [];
  }
}

function refusal({ adapter, software }: ProbedAdapter, wanted: boolean): string | undefined {
  return software && !wanted ? `the only adapter is software (${adapter})` : undefined;
}

/** The bundle has them beside its app. */
const carriedFolder = (): string => join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..', 'lib');

/** Folders of libraries for the loader. Where nothing else has a Vulkan loader, the one of the software GPU will do. */
async function folders(lacking: { folder: string; names: readonly string[] } | undefined): Promise<string[]> {
  const own = lacking === undefined ? [] : [lacking.folder];
  if (systemLibraries().has('libvulkan.so.1') || lacking?.names.includes('libvulkan.so.1')) return own;
  const { LD_LIBRARY_PATH } = await softwareGpuEnv().catch(() => ({ LD_LIBRARY_PATH: '' }));
  return [...own, ...(LD_LIBRARY_PATH ?? '').split(':')];
}

async function probed(env: NodeJS.ProcessEnv, seconds: number): Promise<Outcome> {
  let adapter: ProbedAdapter | string | undefined;
  let cuda: true | string = 'the probe ended before it asked';
  let output = '';
  const child = new Child('checkup/probe.js', [], env, {
    onRow: (row) => {
      if (row['cuda'] !== undefined) cuda = row['cuda'] as true | string;
      else adapter = typeof row['fault'] === 'string' ? row['fault'] : (row['probed'] as ProbedAdapter);
    },
    onOutput: (text) => {
      output += text;
    },
  });
  const code = await child.ended(seconds);
  adapter ??= `the probe ended with ${code}: ${output.trim().split('\n').at(-1) ?? ''}`;
  return { adapter: typeof adapter === 'string' ? [adapter, ...loaderWords(output)].join('; ') : adapter, cuda };
}

/** The lines in which a loader says what it cannot load. */
export function loaderWords(output: string): string[] {
  const lines = output.split('\n').map((line) => line.trim());
  return [...new Set(lines.filter((line) => /error|cannot open|failed/i.test(line)))].slice(0, TOLD);
}
