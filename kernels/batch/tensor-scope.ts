import type { TF } from '../device.ts';

/** The part of tfjs that counts tensors and frees them by scope. */
type Engine = ReturnType<TF['engine']>;

/** The value of a run, and the tensors that it had not disposed of. */
export interface Scoped<T> {
  readonly value: T;
  /** Tensors that were forgotten, and freed here. */
  readonly forgotten: number;
}

/**
 * Runs asynchronous code, then frees every tensor that it made and did not dispose of. Tensors of `tf.keep` stay. Nothing
 * else may use tfjs in the meantime: an engine runs one task at a time.
 * @throws the error of `run`, after freeing
 */
export async function inScope<T>(tf: TF, run: () => Promise<T>): Promise<Scoped<T>> {
  const engine: Engine = tf.engine();
  engine.startScope('batch');
  const before = tf.memory().numTensors;
  try {
    const value = await run();
    const held = tf.memory().numTensors;
    engine.endScope();
    const kept = tf.memory().numTensors;
    return { value, forgotten: Math.max(0, held - Math.max(kept, before)) };
  } catch (error) {
    // The scopes that the code left open as it threw end too.
    engine.endScope();
    throw error;
  }
}
