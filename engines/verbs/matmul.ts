import type { MatmulArguments } from '../../src/protocol/methods.ts';
import { type TensorLike, tensor } from '../../src/tensor/convert.ts';
import { type DType, dtypeOf, isTypedArray } from '../../src/tensor/dtype.ts';
import { productDType } from '../../src/tensor/product-dtype.ts';
import type { DeviceTensor } from '../contexts/context.ts';
import { borrowing, deliver } from '../device/operands.ts';
import type { EngineState } from '../engine-state.ts';
import type { Verb } from './verb.ts';

/** C = A · B on the engine's device. Operands of the namespace stay on the device; others are freed at the end. */
export const matmul: Verb<'matmul'> = {
  peeks: true,
  runsUserCode: () => false,
  async run({ a, b, dtype, into }, state) {
    return deliver(await multiply({ a, b, dtype }, state), into, state);
  },
};

/** The operands of a product, and the dtype that they are converted to. */
export type Factors = Pick<MatmulArguments, 'a' | 'b' | 'dtype'>;

/** The product on the device; the caller owns it. Device copies of operands in the namespace are kept per dtype. */
export function multiply({ a, b, dtype }: Factors, state: EngineState): Promise<DeviceTensor> {
  return borrowing(state, async (borrowed) => {
    const context = await state.context.open();
    const wanted = dtype ?? productDType(dtypeOfOperand(a), dtypeOfOperand(b));
    const left = await borrowed.place(a, wanted);
    return context.matmul(left, a === b ? left : await borrowed.place(b, wanted));
  });
}

/** @throws NotSerializableError for a value that does not make a tensor */
function dtypeOfOperand(value: unknown): DType {
  const { dtype } = Object(value) as { dtype?: unknown };
  if (typeof dtype === 'string') return dtype as DType;
  return isTypedArray(value) ? dtypeOf(value) : tensor(value as TensorLike).dtype;
}
