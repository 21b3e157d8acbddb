import { CLIENT_ROWS } from './client-rows.ts';
import { ENGINE_ROWS } from './engine-rows.ts';
import { LOAD_ROWS } from './load-rows.ts';
import { MEMORY_ROWS } from './memory-rows.ts';
import { NETWORK_ROWS } from './network-rows.ts';
import type { FaultRow } from './row.ts';

/** The 26 faults, in their order. */
export const FAULTS: readonly FaultRow[] = [
  ...ENGINE_ROWS,
  ...CLIENT_ROWS,
  ...NETWORK_ROWS,
  ...LOAD_ROWS,
  ...MEMORY_ROWS,
].sort((a, b) => a.number - b.number);
