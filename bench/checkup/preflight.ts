import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { softwareGpuEnv } from '../../src/cluster/launchers/software-gpu.ts';
import { Child } from './child.ts';
import { type Attempt, attemptsOf, lackingLibraries, systemLibraries } from './environment.ts';
import { cards } from './nvidia-smi.ts';
import type { ProbedAdapter } from './probe.ts';
import { findDriverFiles } from './vulkan-files.ts';

/** Seconds for all of it. */
const LIMIT_S = 10;

/** The card, and the variables with which it is found. Without a card: what was tried. */
export interface Preflight {
  readonly adapter: ProbedAdapter | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly cards: readonly Record<string, string>[] | string;
  /** One line for each way that was tried. */
  readonly tried: readonly string[];
  readonly lacking: readonly string[];
}

/** Says what a way led to. */
type Outcome = ProbedAdapter | string;

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
  const left = () => LIMIT_S - (performance.now() - started) / 1000;
  mkdirSync(work, { recursive: true });
  const found = cards(5000);
  const lacking = lackingLibraries(carriedFolder(), systemLibraries(), work);
  if (lacking !== undefined) print(`brought along, as this system lacks them: ${lacking.names.join(', ')}`);
  const ways = software
    ? [{ name: 'the software GPU', env: await softwareGpuEnv() }]
    : attemptsOf({ env, files: findDriverFiles(), folders: await folders(lacking), work });
  const tried: string[] = [];
  const done = async (adapter: ProbedAdapter | undefined, by: Attempt['env']): Promise<Preflight> => {
    const names = lacking?.names ?? [];
    return { adapter, env: by, cards: await found, tried, lacking: names };
  };
  for (const way of ways) {
    const outcome = left() < 0.5 ? 'no time left' : await probed({ ...env, ...way.env }, left());
    const fault = typeof outcome === 'string' ? outcome : refusal(outcome, software);
    if (fault === undefined) return done(outcome as ProbedAdapter, way.env);
    tried.push(`${way.name}: ${fault}`);
    print(`no card by ${way.name}: ${fault}`);
  }
  return done(undefined, {});
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
  let outcome: Outcome | undefined;
  let output = '';
  const child = new Child('checkup/probe.js', [], env, {
    onRow: (row) => {
      outcome = typeof row['fault'] === 'string' ? row['fault'] : (row['probed'] as ProbedAdapter);
    },
    onOutput: (text) => {
      output += text;
    },
  });
  const code = await child.ended(seconds);
  return outcome ?? `the probe ended with ${code}: ${output.trim().split('\n').at(-1) ?? ''}`;
}
