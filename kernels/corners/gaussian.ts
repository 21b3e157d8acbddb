// The taps of a Gaussian filter, cut off at four standard deviations, as scikit-image cuts it.

/** Distance of the last tap from the centre, in pixels. */
export function gaussianRadius(sigma: number): number {
  return Math.floor(4 * sigma + 0.5);
}

/** `2·radius + 1` taps that sum to 1; sigma 0 gives the filter that changes nothing. */
export function gaussianTaps(sigma: number): number[] {
  const radius = gaussianRadius(sigma);
  const bell = (i: number) => (i === 0 ? 1 : Math.exp((-0.5 * i * i) / (sigma * sigma)));
  const taps = Array.from({ length: 2 * radius + 1 }, (_, i) => bell(i - radius));
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => tap / sum);
}
