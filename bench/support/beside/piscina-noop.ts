/** The task of piscina-rate.ts. */
export function noop(): undefined {
  return undefined;
}
