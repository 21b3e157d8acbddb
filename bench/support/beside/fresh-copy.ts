// A process for machine-memory.ts: copies a block into memory that the system has not given to it before, and prints the
// milliseconds of each copy. Usage: node fresh-copy.js <bytes> <copies>.
const [bytes, copies] = process.argv.slice(2).map(Number);
if (bytes === undefined || copies === undefined) throw new Error('usage: fresh-copy.js <bytes> <copies>');
const from = Buffer.alloc(bytes, 1);
/** Kept, so that none of it serves again. */
const kept: Buffer[] = [];
const times: number[] = [];
for (let i = 0; i < copies; i++) {
  const start = performance.now();
  const to = Buffer.allocUnsafeSlow(bytes);
  to.set(from);
  times.push(performance.now() - start);
  kept.push(to);
}
process.stdout.write(JSON.stringify(times));
