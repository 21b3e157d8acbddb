/** The distance of a Gaussian's last tap from its centre, in pixels: four standard deviations, as in scikit-image. */
export function gaussianRadius(sigma: number): number {
  return Math.floor(4 * sigma + 0.5);
}

/** The `2·radius + 1` taps of a Gaussian filter. They sum to 1; with sigma 0 the filter changes nothing. */
export function gaussianTaps(sigma: number): number[] {
  const radius = gaussianRadius(sigma);
  const bell = (i: number) => (i === 0 ? 1 : Math.exp((-0.5 * i * i) / (sigma * sigma)));
  const taps = Array.from({ length: 2 * radius + 1 }, (_, i) => bell(i - radius));
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => tap / sum);
}
