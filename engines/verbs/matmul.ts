import type { DeviceTensor } from '../contexts/context.ts';
import { borrowing, deliver } from '../device/operands.ts';
import type { EngineState } from '../engine-state.ts';
import type { Verb } from './verb.ts';

/** C = A · B on the engine's device. Operands of the namespace stay on the device; others are freed at the end. */
export const matmul: Verb<'matmul'> = {
  peeks: true,
  runsUserCode: () => false,
  async run({ a, b, into }, state) {
    return deliver(await multiply(a, b, state), into, state);
  },
};

/** The product on the device; the caller owns it. */
export function multiply(a: unknown, b: unknown, state: EngineState): Promise<DeviceTensor> {
  return borrowing(state, async (borrowed) => {
    const context = await state.context.open();
    const left = await borrowed.place(a);
    return context.matmul(left, a === b ? left : await borrowed.place(b));
  });
}
