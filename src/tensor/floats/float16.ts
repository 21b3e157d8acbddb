// IEEE 754 half precision as 16 bits. Node 20 has no Float16Array.

const double = new Float64Array(1);
// Every machine that Node runs on stores the low word first.
const words = new Uint32Array(double.buffer);

/** The bits of the half nearest to `value`, ties to even, rounded once. From 65520 on it is infinity. */
export function toHalf(value: number): number {
  double[0] = value;
  const low = words[0]!;
  const high = words[1]!;
  const sign = (high >>> 16) & 0x8000;
  const magnitude = high & 0x7fffffff;
  if (magnitude >= 0x40effe00) return sign | (Number.isNaN(value) ? 0x7e00 : 0x7c00);
  if (magnitude < 0x3f100000) return sign | subnormal(Math.abs(value));
  // The exponent moves by 1023 − 15. 42 bits of the fraction drop: 10 of the high word, and the low word.
  const kept = (magnitude - 0x3f000000) >>> 10;
  const rest = magnitude & 0x3ff;
  const up = rest > 0x200 || (rest === 0x200 && (low !== 0 || (kept & 1) === 1));
  return sign | (up ? kept + 1 : kept);
}

// The product is exact: it moves the exponent alone.
function subnormal(value: number): number {
  const scaled = value * 2 ** 24;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

// The value of the last bit of the fraction, for each exponent.
const UNITS = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

/** The number that 16 bits of half precision stand for. */
export function fromHalf(half: number): number {
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31 && fraction !== 0) return Number.NaN;
  const whole = exponent === 0 ? fraction : 1024 + fraction;
  const magnitude = exponent === 31 ? Number.POSITIVE_INFINITY : whole * (UNITS[exponent] as number);
  return half & 0x8000 ? -magnitude : magnitude;
}
