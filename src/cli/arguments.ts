// What several commands take.
import { InvalidArgumentError, Option } from 'commander';
import { DEVICE_CHOICES, type DeviceChoice } from '../protocol/engine-options.ts';

/** What an engine computes on, as options of a command. */
export interface DeviceFlags {
  readonly device: DeviceChoice;
  readonly gpu?: number;
  readonly softwareGpu?: true;
}

export const DEFAULT_NAME = 'default';

export function count(text: string): number {
  return whole(text, 1);
}

export function index(text: string): number {
  return whole(text, 0);
}

function whole(text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
}

export function deviceOptions(): Option[] {
  return [
    new Option('--device <device>', 'what each engine computes on').choices(DEVICE_CHOICES).default('auto'),
    new Option('--gpu <index>', 'the card, where there are several').argParser(index),
    new Option('--software-gpu', 'accept a software GPU'),
  ];
}
