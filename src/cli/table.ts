/** A cell of a table. */
export type Cell = string | number;

/**
 * Rows in columns that line up, one line per row, without blanks at line ends. A column of numbers is set to the right, and
 * `-` in it means an unknown number; other columns are set to the left.
 */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => String(row[i]).length)));
  const isNumeric = head.map(
    (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number' || row[i] === '-'),
  );
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, i) => (isNumeric[i] ? String(cell).padStart(widths[i]!) : String(cell).padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((row) => `${line(row)}\n`).join('');
}
