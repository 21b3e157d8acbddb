import type { MatrixTile } from '../../kernels/matmul/webgpu/subgroup-matrix.ts';

/**
 * The text of a kernel on matrix units for adapters without them: a subgroup is one thread, which holds whole matrices, and
 * halves are floats. Everything else of the text stays as it is: places, steps, barriers, edges.
 * @param tile with subgroups of one thread, and small matrices
 */
export function emulated(text: string, { config: { M, N, K } }: MatrixTile): string {
  const load = (kind: string, source: string, rows: number, columns: number) => `
fn load_${kind}_${source}(at: u32, stride: u32) -> ${kind} {
  var out: ${kind};
  for (var i = 0u; i < ${rows * columns}u; i++) { out[i] = ${source}[at + (i / ${columns}u) * stride + i % ${columns}u]; }
  return out;
}`;
  const loads = [...text.matchAll(/subgroupMatrixLoad<(Left|Right), row_major>\(&(\w+), /g)];
  const used = [...new Set(loads.map(([, kind, source]) => `${kind} ${source}`))].map((one) => one.split(' '));
  const functions = used.map(([kind = '', source = '']) =>
    kind === 'Left' ? load(kind, source, M, K) : load(kind, source, K, N),
  );
  const kernel = text
    .replaceAll(/^(enable|diagnostic).*$/gm, '')
    .replace(/subgroup_matrix_left<[^>]*>/, `array<f32, ${M * K}>`)
    .replace(/subgroup_matrix_right<[^>]*>/, `array<f32, ${K * N}>`)
    .replace(/subgroup_matrix_result<[^>]*>/, `array<f32, ${M * N}>`)
    .replaceAll(/\bf16\b/g, 'f32')
    .replaceAll(/subgroupMatrixLoad<(Left|Right), row_major>\(&(\w+), /g, 'load_$1_$2(')
    .replaceAll('subgroupMatrixStore<row_major>(&patches, ', 'store_patches(')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiplied(');
  return `${kernel}
${functions.join('\n')}
fn store_patches(at: u32, sums: Sums, stride: u32) {
  for (var i = 0u; i < ${M * N}u; i++) { patches[at + (i / ${N}u) * stride + i % ${N}u] = sums[i]; }
}
fn multiplied(a: Left, b: Right, sums: Sums) -> Sums {
  var out = sums;
  for (var i = 0u; i < ${M * N}u; i++) {
    for (var p = 0u; p < ${K}u; p++) { out[i] += a[(i / ${N}u) * ${K}u + p] * b[p * ${N}u + i % ${N}u]; }
  }
  return out;
}`;
}
