import { UNLOADABLE } from '../../../kernels/batch/load-operation.ts';
import type { BatchAnswer, BatchJob } from '../../../kernels/batch/run-operation.ts';
import { runOperation } from '../../../kernels/index.ts';
import type { Client } from '../../client/client.ts';
import { ClusterError, RemoteError } from '../../errors.ts';
import type { Work } from '../item.ts';
import type { BatchPlan } from '../plan/plan.ts';
import { EngineKeeper } from './engine-keeper.ts';
import { streamJobs } from './stream.ts';

/** Takes the outcomes of a batch, in the order of its pictures but for those that were tried twice. */
export interface OutcomeSink {
  /** The side of the small copy that this picture is shown by; undefined for none. */
  thumbnailOf(work: Work): number | undefined;
  /** @throws ClusterError when the outcome cannot be written: that ends the batch */
  take(work: Work, outcome: BatchAnswer | Failed): Promise<void>;
}

/** A picture without a result. */
export class Failed {
  readonly name: string;
  readonly reason: string;
  /** Would another try give the same error? */
  readonly isFinal: boolean;

  constructor(name: string, reason: string, isFinal: boolean) {
    this.name = name;
    this.reason = reason;
    this.isFinal = isFinal;
  }
}

/** A picture that an engine died on is tried once more. */
const TRIES = 2;
/** So many pictures in a row on which engines die end the batch: each costs two starts of an engine. */
const MOST_DEATHS = 10;

interface Open {
  readonly work: Work;
  tries: number;
}

/** One run of a batch on the engines of a client. */
export class BatchRun {
  readonly #plan: BatchPlan;
  readonly #sink: OutcomeSink;
  readonly #sent: Open[] = [];
  readonly #again: Open[] = [];
  #keeper: EngineKeeper | undefined;
  #next = 0;
  #deaths = 0;
  #isOver = false;
  #wake = () => {};

  constructor(plan: BatchPlan, sink: OutcomeSink) {
    this.#plan = plan;
    this.#sink = sink;
  }

  /**
   * Does the pictures. An engine that dies is started again, and its picture is tried once more.
   * @throws AbortError, ClusterError that says why the batch ends early
   */
  async work(rc: Client): Promise<void> {
    const keeper = new EngineKeeper(rc);
    this.#keeper = keeper;
    const { signal } = this.#plan.options;
    try {
      const stream = streamJobs(rc, runOperation, this.#jobs(keeper), { signal });
      for await (const end of stream) await this.#take(this.#sent.shift() as Open, end);
    } finally {
      this.#isOver = true;
      this.#wake();
      if (!signal?.aborted) await keeper.close();
    }
  }

  /** The next jobs, as the engines are ready for them. It waits at the end for pictures that may have to be done again. */
  async *#jobs(keeper: EngineKeeper): AsyncGenerator<BatchJob, void, undefined> {
    const { work } = this.#plan;
    for (;;) {
      await keeper.ready();
      const open = this.#again.shift() ?? this.#fresh(work);
      if (this.#isOver || (open === undefined && this.#sent.length === 0)) return;
      if (open === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#sent.push(open);
      yield this.#jobOf(open);
    }
  }

  #fresh(work: readonly Work[]): Open | undefined {
    if (this.#next >= work.length) return undefined;
    return { work: work[this.#next++] as Work, tries: 0 };
  }

  #jobOf({ work }: Open): BatchJob {
    const { operation, options, style } = this.#plan;
    const { params = {}, read = {} } = options;
    const { path, outputs } = work;
    const thumbnail = this.#sink.thumbnailOf(work);
    return { path, operation: operation.source, params, read, style, outputs, thumbnail };
  }

  async #take(open: Open, end: BatchAnswer | RemoteError): Promise<void> {
    try {
      if (end instanceof RemoteError) await this.#failed(open, end);
      else {
        this.#deaths = 0;
        await this.#sink.take(open.work, end);
      }
    } finally {
      this.#wake();
    }
  }

  async #failed(open: Open, error: RemoteError): Promise<void> {
    if (isUnrun(error)) {
      this.#again.push(open);
      return;
    }
    // The back end of that engine is full of tensors that nobody frees.
    if (isOutOfMemory(error)) await this.#keeper?.replace(error.engineInfo?.engineId ?? 0);
    if (isDeath(error) && ++open.tries < TRIES) {
      this.#again.push(open);
      return;
    }
    if (error.evalue.startsWith(UNLOADABLE)) throw new ClusterError(error.evalue);
    this.#deaths = isDeath(error) ? this.#deaths + 1 : 0;
    await this.#sink.take(open.work, failureOf(error));
    if (this.#deaths < MOST_DEATHS) return;
    throw new ClusterError(`the last ${MOST_DEATHS} pictures each ended the engines that had them: ${error.evalue}`);
  }
}

/** No engine has had the picture. */
function isUnrun({ ename, evalue }: RemoteError): boolean {
  return ename === 'NoEnginesRegistered' || (ename === 'EngineError' && /^no engine is left/.test(evalue));
}

/** The engine died while it had the picture. */
function isDeath(error: RemoteError): boolean {
  return error.ename === 'EngineError' || isOutOfMemory(error);
}

function isOutOfMemory({ ename, evalue }: RemoteError): boolean {
  return ename === 'ContextError' && evalue.includes('has no memory for');
}

function failureOf(error: RemoteError): Failed {
  const { ename, evalue } = error;
  if (isDeath(error)) return new Failed(ename, `it ended two engines: ${evalue}`, false);
  const isPicture = ename === 'PictureError';
  return new Failed(ename, isPicture ? evalue : `${ename}: ${evalue}`, !/^cannot (?:read|write) /.test(evalue));
}
