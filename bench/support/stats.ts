// Numbers of a benchmark: medians of repeated runs, and rows that line up.

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Milliseconds that `run` takes. */
export async function timed(run: () => PromiseLike<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/** Milliseconds of each of `n` runs, after `warmups` that do not count. */
export async function samples(n: number, run: () => PromiseLike<unknown>, warmups = 1): Promise<number[]> {
  for (let i = 0; i < warmups; i++) await run();
  const out: number[] = [];
  for (let i = 0; i < n; i++) out.push(await timed(run));
  return out;
}

/** Rows of cells, columns padded to their widest; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const text = rows.map((row) => row.map(String));
  const widths = (text[0] ?? []).map((_, column) => Math.max(...text.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number, raw: string | number | undefined) =>
    typeof raw === 'number' ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number);
  return text
    .map((row, r) =>
      row
        .map((cell, c) => pad(cell, c, rows[r]?.[c]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
