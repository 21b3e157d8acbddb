// The assertions that uvu lacks.
import * as assert from 'uvu/assert';
import type { TypedArray } from '../../src/tensor/dtype.ts';

/** Every element within `atol + rtol · |expected|`; reports the worst index and both values. */
export function allClose(
  actual: TypedArray | readonly number[],
  expected: TypedArray | readonly number[],
  { rtol = 1e-5, atol = 1e-8 }: { rtol?: number; atol?: number } = {},
): void {
  assert.is(actual.length, expected.length, 'lengths differ');
  let worst = { index: -1, excess: 0 };
  for (let i = 0; i < actual.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    const error = Math.abs((actual[i] as number) - (expected[i] as number));
    const excess = error - (atol + rtol * Math.abs(expected[i] as number));
    if (!(excess <= worst.excess))
      worst = { index: i, excess: Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess };
  }
  if (worst.index >= 0) {
    assert.unreachable(`element ${worst.index} is ${actual[worst.index]}, expected ${expected[worst.index]}`);
  }
}

type ErrorClass<E> = abstract new (...args: never[]) => E;

/** The promise rejects with that class and, if given, a message that matches; returns the error. */
export async function rejects<E extends Error>(
  run: () => PromiseLike<unknown>,
  kind: ErrorClass<E>,
  message?: RegExp,
): Promise<E> {
  const error = await Promise.resolve()
    .then(run)
    .then(
      () => assert.unreachable(`expected ${kind.name}, nothing was thrown`),
      (e: unknown) => e,
    );
  return matching(error, kind, message);
}

/** The function throws that class and, if given, a message that matches; returns the error. */
export function throws<E extends Error>(run: () => unknown, kind: ErrorClass<E>, message?: RegExp): E {
  try {
    run();
  } catch (error) {
    return matching(error, kind, message);
  }
  return assert.unreachable(`expected ${kind.name}, nothing was thrown`) as never;
}

function matching<E extends Error>(error: unknown, kind: ErrorClass<E>, message?: RegExp): E {
  if (!(error instanceof kind)) throw error;
  if (message) assert.match(error.message, message);
  return error;
}
