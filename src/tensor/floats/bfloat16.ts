// The upper half of a float32 as 16 bits: 8 bits of exponent and 7 of fraction.

const single = new Float32Array(1);
const word = new Uint32Array(single.buffer);

/** The bits of the bfloat16 nearest to `value`, ties to even, rounded once. From 2¹²⁸ − 2¹¹⁹ on it is infinity. */
export function toBfloat16(value: number): number {
  single[0] = value;
  const bits = word[0]!;
  const kept = bits >>> 16;
  if (Number.isNaN(value)) return (kept & 0x8000) | 0x7fc0;
  const rest = bits & 0xffff;
  if (rest !== 0x8000) return rest > 0x8000 ? kept + 1 : kept;
  // A tie of the float32, which is itself rounded: the number lies below it, above it, or is the tie.
  const beyond = Math.abs(value) - Math.abs(single[0]);
  return beyond > 0 || (beyond === 0 && (kept & 1) === 1) ? kept + 1 : kept;
}

/** The number that 16 bits of bfloat16 stand for. */
export function fromBfloat16(bits: number): number {
  word[0] = bits << 16;
  return single[0]!;
}
