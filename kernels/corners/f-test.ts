const ENOUGH = 200;
const TINY = 1e-300;

/**
 * The value that an F-distributed variable with (n, n) degrees of freedom exceeds with probability `p`, 0 < p ≤ 0.5.
 * `p = 1 − alpha` gives the point of a one-sided test.
 *
 * P(F > f) = I_y(n/2, n/2) with y = 1 / (1 + f). Bisection inverts I, the regularised incomplete beta function. I comes
 * from its continued fraction (DLMF 8.17.22), evaluated by Lentz's method (Numerical Recipes 6.4).
 */
export function fUpperPoint(p: number, n: number): number {
  let lo = 0;
  let hi = 0.5;
  for (let i = 0; i < ENOUGH && hi - lo > Number.EPSILON * hi; i++) {
    const middle = (lo + hi) / 2;
    if (symmetricBeta(middle, n / 2) < p) lo = middle;
    else hi = middle;
  }
  const y = (lo + hi) / 2;
  return (1 - y) / y;
}

/** I_x(a, a) for 0 < x ≤ 1/2, where the continued fraction converges fast. */
function symmetricBeta(x: number, a: number): number {
  const front = a * Math.log(x * (1 - x)) + logGamma(2 * a) - 2 * logGamma(a);
  return (Math.exp(front) / a) * continuedFraction(x, a);
}

// 1 / (1 + d1 / (1 + d2 / (1 + …))), evaluated from the front.
function continuedFraction(x: number, a: number): number {
  let d = 1 / away(1 - (2 * a * x) / (a + 1));
  let c = 1;
  let h = d;
  for (let m = 1; m < ENOUGH; m++) {
    for (const term of [even(m, x, a), odd(m, x, a)]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      h *= d * c;
    }
    if (Math.abs(d * c - 1) < Number.EPSILON) break;
  }
  return h;
}

const even = (m: number, x: number, a: number) => (m * (a - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
const odd = (m: number, x: number, a: number) => (-(a + m) * (2 * a + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
const away = (value: number) => (Math.abs(value) < TINY ? TINY : value);

// Stirling's series (DLMF 5.11.1), which is exact to double precision from 10 on. Smaller arguments are raised first.
function logGamma(z: number): number {
  if (z < 15) return logGamma(z + 1) - Math.log(z);
  const w = 1 / (z * z);
  const series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series;
}
