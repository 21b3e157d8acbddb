import type { Client } from '../../client/client.ts';

/** A line for each engine that a debugger may attach to; empty where there is none. */
export async function inspectorLines(rc: Client): Promise<string> {
  const statuses = await rc.status();
  const lines = [...statuses].map(([id, { inspector }]) =>
    inspector ? `engine ${id}: debugger at ${inspector}\n` : '',
  );
  return lines.join('');
}
