// Readers of option values, and the default cluster name.
import { InvalidArgumentError } from 'commander';

/** The name that `directview start` gives a cluster, and the one that other commands look for first. */
export const DEFAULT_NAME = 'default';

/** Help text of an optional cluster argument. */
export const CLUSTER_ARGUMENT = `name or file of the cluster (default: '${DEFAULT_NAME}', or the only named one)`;

/** Reads a whole number of at least 1. @throws InvalidArgumentError */
export function count(text: string): number {
  return whole(text, 1);
}

/** Reads a whole number of at least 0. @throws InvalidArgumentError */
export function index(text: string): number {
  return whole(text, 0);
}

function whole(text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
}
