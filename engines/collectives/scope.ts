import type { EngineId, TaskMessage } from '../../src/protocol/messages.ts';

const SPACE = 'c:';

/** The scope of an engine that takes part alone. */
export const ALONE = `${SPACE}one;`;

/** True for mail of collectives. */
export function isCollective(tag: string): boolean {
  return tag.startsWith(SPACE);
}

/** The scope that every rank of one call shares: `c:<client>.<call>;`. */
export function callScope(task: TaskMessage): string {
  return `${SPACE}${task.id.slice(0, task.id.lastIndexOf(':'))}.${task.call};`;
}

/** Begins the scopes of tasks that meet under a tag. */
export const TAGGED = `${SPACE}#`;

/** The scope of tasks that meet under a tag. */
export function tagScope(tag: string): string {
  return `${TAGGED}${encodeURIComponent(tag)};`;
}

/** A scope without its members. */
export function callOf(scope: string): string {
  return scope.slice(0, scope.indexOf(';') + 1);
}

/** The scope of a piece of mail, or of a relayed body. */
export function scopeOf(tag: string): string {
  return tag.slice(0, tag.indexOf('/'));
}

/** A scope ends in the ids of its members. */
export function membersOf(scope: string): EngineId[] {
  return scope
    .slice(scope.indexOf(';') + 1)
    .split(',')
    .map(Number);
}

/** The tag of the question whether a rank's task has ended. */
export function questionTag(scope: string): string {
  return `${scope}/over?`;
}

/** The tag of the reason why a collective has failed. */
export function failureTag(scope: string): string {
  return `${scope}/failed`;
}
