/** Bytes of a tensor, typed array, ArrayBuffer or device tensor; 0 for a value without a known size. */
export function sizeInBytes(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const bytes = (value as { byteLength?: unknown }).byteLength;
  if (typeof bytes === 'number') return bytes;
  const { size, dtype, dataId } = value as { size?: unknown; dtype?: unknown; dataId?: unknown };
  // A tf.Tensor: its elements have 4 bytes, booleans one.
  return dataId !== undefined && typeof size === 'number' ? size * (dtype === 'bool' ? 1 : 4) : 0;
}
