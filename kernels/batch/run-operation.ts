import type { Shape } from '../../src/tensor/shape.ts';
import type { TFOps } from '../../src/tensor/tf-ops.ts';
import { currentDevice, tfOf } from '../device.ts';
import { openCodec } from '../pictures/codec.ts';
import type { ReadPictureOptions } from '../pictures/read-picture.ts';
import { type Drawings, drawingsOf } from './drawings.ts';
import { type LoadedOperation, loadOperation, type OperationSource } from './load-operation.ts';
import type { OperationContext, OperationResult } from './operation.ts';
import type { OutputStyle } from './output-style.ts';
import { plain } from './plain.ts';
import { type JobPicture, readJobPicture } from './read-job-picture.ts';
import { type JobOutputs, type WrittenFiles, writeResult } from './result-files.ts';
import { inScope } from './tensor-scope.ts';
import { computedMs, inTurn } from './turns.ts';

export type { JobOutputs } from './result-files.ts';

/** Timers of Node fire at once where they are longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One picture of a batch. */
export interface BatchJob {
  /** An absolute path, because engines have a working directory of their own. Odd bytes are escaped: see `fsPath`. */
  readonly path: string;
  readonly operation: OperationSource;
  /** Parameters that come before those of the operation's module. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Options of reading that come before those of the operation's module. */
  readonly read: ReadPictureOptions;
  readonly style: OutputStyle;
  /** Undefined: nothing is written. */
  readonly outputs?: JobOutputs | undefined;
  /** Also give a small copy of the picture of the result, in a square of so many pixels. */
  readonly thumbnail?: number | undefined;
  /**
   * Milliseconds that the picture may take, once the operation is loaded; then its task ends with TaskTimeout. It must be
   * alone in its task.
   */
  readonly limit?: number | undefined;
  /** The name of the task's group, whose pictures are under way together. Undefined: it is alone. */
  readonly group?: string | undefined;
}

/** The outcome of one picture of a batch. */
export interface BatchAnswer extends WrittenFiles {
  /** Rows and columns of the picture as it was read, and channels of a colour picture. */
  readonly shape: Shape;
  /** Plain data. */
  readonly record: Readonly<Record<string, unknown>>;
  /**
   * Milliseconds from the file to the end of the operation, without the picture of the result. While other pictures of its
   * group were computed the clock stood still.
   */
  readonly ms: number;
  /** The small copy, as the bytes of a picture file. */
  readonly thumbnail?: Uint8Array | undefined;
  /** Tensors that the operation left, freed after it. */
  readonly forgotten: number;
}

/**
 * Runs the operation of a job on its picture; null, an empty place of a group, gives null. While one picture of a group is
 * computed, the next is read, and the one before is encoded and written.
 * @throws PictureError naming the file; any error of the operation
 */
export async function runOperation(job: BatchJob | null): Promise<BatchAnswer | null> {
  if (job === null) return null;
  const tf = await tfOf({}, 'runOperation');
  const loaded = await loadOperation(job.operation);
  if (job.limit !== undefined) await limitTask(job.limit);
  const [started, before] = [performance.now(), computedMs()];
  const picture = await readJobPicture(job.path, { ...loaded.read, ...job.read });
  const reading = Math.max(0, performance.now() - started - (computedMs() - before));
  // Operations see the short type of tfjs: its own declarations need types of browsers.
  const context: OperationContext = { tf: tf as TFOps, params: { ...loaded.params, ...job.params } };
  const compute = () => inScope(tf, () => operated(loaded, job, picture, context));
  const { value, forgotten } = await inTurn(job.group, compute);
  const { record, files, draw, drawSmall } = value;
  const thumbnail = await drawSmall?.();
  const { outputs } = job;
  const written = outputs === undefined ? { written: [] } : await writeResult(draw, files ?? {}, outputs);
  return { shape: picture.image.shape, record, ms: reading + value.ms, ...written, thumbnail, forgotten };
}

async function limitTask(ms: number): Promise<void> {
  // An engine that has just started still loads it, which is nobody's fault.
  await openCodec();
  currentDevice()?.limit?.(Math.min(ms, LONGEST_TIMER_MS));
}

/** The result of an operation, of which nothing is on the device any more. */
interface Operated extends Drawings {
  readonly record: Readonly<Record<string, unknown>>;
  /** Milliseconds of the operation. */
  readonly ms: number;
  readonly files: OperationResult['files'];
}

async function operated(
  { operation, draws }: LoadedOperation,
  job: BatchJob,
  picture: JobPicture,
  context: OperationContext,
): Promise<Operated> {
  const started = performance.now();
  const result = (await operation(picture, context)) ?? {};
  const ms = performance.now() - started;
  const record = (await plain(result.record ?? {})) as Record<string, unknown>;
  return { record, ms, files: result.files, ...(await drawingsOf(picture, result.picture, draws, job)) };
}
