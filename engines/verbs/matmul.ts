import { ShapeError } from '../../src/errors.ts';
import type { MatmulArguments } from '../../src/protocol/methods.ts';
import { type TensorLike, tensor } from '../../src/tensor/convert.ts';
import { type DType, dtypeOf, isTypedArray } from '../../src/tensor/dtype.ts';
import { productDType } from '../../src/tensor/product-dtype.ts';
import { productSizes, type Transposes } from '../../src/tensor/product-shape.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor, GpuContext } from '../contexts/context.ts';
import { borrowing, deliver, hostCopy, onHost } from '../device/operands.ts';
import type { EngineState } from '../engine-state.ts';
import type { Verb } from './verb.ts';

/** C = A · B on the engine's device. Operands of the namespace stay on the device; others are freed at the end. */
export const matmul: Verb<'matmul'> = {
  peeks: true,
  runsUserCode: () => false,
  async run(args, state) {
    if (args.pairs === undefined) return deliver(await multiply(args, state), args.into, state);
    const { into } = args;
    const c = await multiplyPairs(args, state);
    if (into === undefined) return c;
    state.namespace.set(into, c);
    return undefined;
  },
};

/** The operands of a product, the dtype that they are converted to, and the shape of the result. */
export type Factors = Pick<MatmulArguments, 'a' | 'b' | 'dtype' | 'transposeA' | 'transposeB' | 'kept'>;

/**
 * The product on the device, by the rules of numpy.matmul; the caller owns it. Device copies of operands in the
 * namespace are kept per dtype.
 * @throws ShapeError, TypeError for operands that do not multiply
 */
export function multiply({ a, b, dtype, kept, ...flags }: Factors, state: EngineState): Promise<DeviceTensor> {
  return borrowing(state, async (borrowed) => {
    const context = await state.context.open();
    const wanted = dtype ?? productDType(dtypeOfOperand(a), dtypeOfOperand(b));
    const left = await borrowed.place(a, wanted);
    const c = await product(context, left, a === b ? left : await borrowed.place(b, wanted), flags);
    if (kept === undefined) return c;
    if (sizeOf(kept) === sizeOf(c.shape)) return c.reshape(kept);
    c.free();
    throw new ShapeError(`the product is [${c.shape}], and [${kept}] was planned: operands changed meanwhile`);
  });
}

async function product(
  context: GpuContext,
  a: DeviceTensor,
  b: DeviceTensor,
  flags: Transposes,
): Promise<DeviceTensor> {
  const { batch, m, k, shape } = productSizes(a.shape, b.shape, flags);
  if (batch.length > 0) throw new ShapeError(`matmul takes one matrix on the right here, not [${b.shape}]: use pdot`);
  const left = a.shape.length === 2 ? a : a.reshape([m, k]);
  const c = await context.matmul(left, b.shape.length === 1 ? b.reshape([k, 1]) : b, {
    transposeA: flags.transposeA && a.shape.length > 1,
    transposeB: flags.transposeB && b.shape.length > 1,
  });
  return String(c.shape) === String(shape) ? c : c.reshape(shape);
}

/** The products of pairs of matrices, stacked on the host. Each matrix is placed once; the products are in flight together. */
async function multiplyPairs(args: MatmulArguments, state: EngineState): Promise<Tensor> {
  const { a, b, dtype: asked, pairs = [], kept, ...flags } = args;
  const [x, y] = [await onHost(a), await onHost(b)];
  const { m, n } = productSizes(x.shape.slice(1), y.shape.slice(1), flags);
  const dtype = asked ?? productDType(x.dtype, y.dtype);
  const out = new Tensor(dtype, [pairs.length * m, n]);
  await borrowing(state, async (borrowed) => {
    const context = await state.context.open();
    const placed = (stack: Tensor) => {
      const known = new Map<number, Promise<DeviceTensor>>();
      return (at: number): Promise<DeviceTensor> => {
        const one = known.get(at) ?? borrowed.place(stack.rows(at, at + 1).reshape(stack.shape.slice(1)), dtype);
        known.set(at, one);
        return one;
      };
    };
    const [lefts, rights] = [placed(x), placed(y)];
    const run = async ([i, j]: readonly [number, number], at: number): Promise<void> => {
      const c = await context.matmul(await lefts(i), await rights(j), flags);
      // A copy: the results become one stack.
      out.data.set((await hostCopy(c)).data, at * m * n);
    };
    await settled(pairs.map(run));
  });
  return out.reshape(kept ?? [pairs.length * m, n]);
}

/** Waits for all, so that nothing uses the operands after they are freed, and then throws what the first one threw. */
async function settled(all: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(all);
  await Promise.all(all);
}

/** @throws NotSerializableError for a value that does not make a tensor */
function dtypeOfOperand(value: unknown): DType {
  const { dtype } = Object(value) as { dtype?: unknown };
  if (typeof dtype === 'string') return dtype as DType;
  return isTypedArray(value) ? dtypeOf(value) : tensor(value as TensorLike).dtype;
}
