import type { FaultRow } from '../faults/row.ts';
import { CODE_ROWS } from './code-rows.ts';
import { MESSAGE_ROWS } from './message-rows.ts';
import { OUTSIDE_ROWS } from './outside-rows.ts';
import { WIRE_ROWS } from './wire-rows.ts';

/** The 30 hostile inputs, in their order. */
export const HOSTILE: readonly FaultRow[] = [...WIRE_ROWS, ...MESSAGE_ROWS, ...CODE_ROWS, ...OUTSIDE_ROWS].sort(
  (a, b) => a.number - b.number,
);
