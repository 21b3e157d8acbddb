// How much load-balanced work a client has: controllers of adaptive clusters ask for it.
import { num, type ObjectOf, whole } from '../fields.ts';

/** The fields of a client's `backlog`. */
export const backlogFields = {
  /** Load-balanced tasks that have not ended, without those that wait for others. */
  tasks: whole,
  /** Those of them whose length nobody knows. */
  unknown: whole,
  /** Milliseconds of work that the others are, by what their functions took before. */
  ms: num,
};

/** Load-balanced work that has not ended. */
export interface BacklogSums extends ObjectOf<typeof backlogFields> {}
