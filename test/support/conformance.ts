// Declares the conformance suite of kernels/matmul for one provider or context: one test per case.
import * as assert from 'uvu/assert';
import type { ContextKind, ContextOptions, GpuContext } from '../../engines/contexts/context.ts';
import { probeAll, probeContext } from '../../engines/contexts/index.ts';
import { checkCase, conformanceCases } from '../../kernels/matmul/conformance.ts';
import type { MatmulProvider, ProductDType } from '../../kernels/matmul/product.ts';
import type { Suite } from './suite.ts';

/** Every dtype that a context multiplies. */
export const ALL: readonly ProductDType[] = ['float32', 'float64', 'float16', 'int32', 'uint32', 'bfloat16'];

/** A context's matmul as a provider: upload, multiply, read back, free. */
export function contextProvider(context: GpuContext): MatmulProvider {
  return {
    name: `${context.report.kind} context (${context.report.matmul})`,
    dtypes: ALL,
    multiply: async (a, b) => {
      const [x, y] = [context.upload(a), context.upload(b)];
      const c = await context.matmul(x, y);
      const result = await c.toHost();
      for (const tensor of [x, y, c]) tensor.free();
      return result;
    },
  };
}

/** One test per case; prints the provider's name and the number of cases when all of them have run. */
export function declareConformance(test: Suite, provider: () => MatmulProvider, dtypes: readonly ProductDType[]): void {
  const cases = conformanceCases(dtypes);
  let passed = 0;
  for (const one of cases) {
    test(one.name, async () => {
      assert.is(await checkCase(provider(), one), undefined);
      passed += 1;
    });
  }
  test.after(() => console.log(`conformance of ${provider().name}: ${passed} of ${cases.length} cases`));
}

/** Declares the suite for a context, or skips it by name and reason. Closes it at the end, and checks that it is empty. */
export async function declareContext(test: Suite, kind: ContextKind, options: ContextOptions): Promise<void> {
  const probe = (await probeAll(options))[kind];
  if (!probe.ok) return test.skip(`conformance of the ${kind} context`, probe.reason);
  let context: GpuContext | undefined;
  test.before(async () => {
    context = await (await probeContext(kind, options)).open();
  });
  declareConformance(test, () => contextProvider(context as GpuContext), ALL);
  test('holds no device memory at the end', () => assert.equal(context?.memory(), { bytes: 0, buffers: 0 }));
  test.after(() => context?.close());
}
