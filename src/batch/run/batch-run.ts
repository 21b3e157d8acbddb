import { UNLOADABLE } from '../../../kernels/batch/load-operation.ts';
import type { BatchAnswer, BatchJob } from '../../../kernels/batch/run-operation.ts';
import { runOperation } from '../../../kernels/index.ts';
import type { Client } from '../../client/client.ts';
import { ClusterError, RemoteError } from '../../errors.ts';
import type { Work } from '../item.ts';
import type { BatchPlan } from '../plan/plan.ts';
import { EngineKeeper } from './engine-keeper.ts';
import { GROUP_MS, GroupSize } from './group-size.ts';
import { streamGroups } from './stream.ts';

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
/** Pictures per engine that go out alone, before the others are put into groups by the time which these take. */
const FIRST = 2;

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
  readonly #size = new GroupSize();
  #keeper: EngineKeeper | undefined;
  #next = 0;
  #taken = 0;
  #isLearning = true;
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
      const stream = streamGroups(rc, runOperation, this.#groups(rc, keeper), { signal });
      for await (const end of stream) await this.#take(this.#sent.shift() as Open, end);
    } finally {
      this.#isOver = true;
      this.#wake();
      if (!signal?.aborted) await keeper.close();
    }
  }

  /** The next jobs, as the engines are ready for them. It waits at the end for pictures that may have to be done again. */
  async *#groups(rc: Client, keeper: EngineKeeper): AsyncGenerator<readonly BatchJob[], void, undefined> {
    for (;;) {
      await keeper.ready();
      if (this.#next >= FIRST * rc.length) await this.#learn(FIRST * rc.length);
      if (this.#isOver) return;
      const group = this.#nextGroup(rc.length);
      if (group.length === 0 && this.#sent.length === 0) return;
      if (group.length === 0) {
        await this.#woken();
        continue;
      }
      this.#sent.push(...group);
      yield group.map((open) => this.#jobOf(open));
    }
  }

  /** Waits, once and for a short time, for the first outcomes: groups of unknown pictures could be much too long. */
  async #learn(wanted: number): Promise<void> {
    if (!this.#isLearning) return;
    const end = setTimeout(() => {
      this.#isLearning = false;
      this.#wake();
    }, GROUP_MS);
    while (this.#isLearning && this.#taken < wanted && !this.#isOver) await this.#woken();
    clearTimeout(end);
    this.#isLearning = false;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** A picture that is tried again goes alone: if the engine dies, it is to blame. */
  #nextGroup(engines: number): readonly Open[] {
    const again = this.#again.shift();
    if (again !== undefined) return [again];
    const { work } = this.#plan;
    // With a limit for each picture, its task is its own.
    const isAlone = this.#plan.options.runTimeout !== undefined;
    const size = isAlone ? 1 : this.#size.next(work, this.#next, engines);
    const group = work.slice(this.#next, this.#next + size);
    this.#next += group.length;
    return group.map((one) => ({ work: one, tries: 0 }));
  }

  #jobOf({ work }: Open): BatchJob {
    const { operation, options, style } = this.#plan;
    const { params = {}, read = {}, runTimeout: limit } = options;
    const { path, outputs } = work;
    const thumbnail = this.#sink.thumbnailOf(work);
    return { path, operation: operation.source, params, read, style, outputs, thumbnail, limit };
  }

  async #take(open: Open, end: BatchAnswer | RemoteError): Promise<void> {
    try {
      if (end instanceof RemoteError) await this.#failed(open, end);
      else {
        this.#deaths = 0;
        this.#size.took(end.ms);
        await this.#sink.take(open.work, end);
      }
    } finally {
      this.#taken++;
      this.#wake();
    }
  }

  async #failed(open: Open, error: RemoteError): Promise<void> {
    if (isUnrun(error) || isOurDoing(error)) {
      this.#again.push(open);
      return;
    }
    // Its back end is full of tensors that nobody frees, or code of a picture that was given up may still run on it.
    if (isOutOfMemory(error) || isInterrupted(error)) await this.#keeper?.replace(error.engineInfo?.engineId ?? 0);
    if (isDeath(error) && ++open.tries < TRIES) {
      this.#again.push(open);
      return;
    }
    if (error.evalue.startsWith(UNLOADABLE)) throw new ClusterError(error.evalue);
    this.#deaths = isDeath(error) ? this.#deaths + 1 : 0;
    await this.#sink.take(open.work, failureOf(error, this.#plan.options.runTimeout));
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

/** The engine was started again because of an earlier picture. */
function isOurDoing({ ename, evalue }: RemoteError): boolean {
  return ename === 'EngineError' && evalue.endsWith('(was restarted)');
}

/** The picture took longer than it may, and the engine is still there. */
function isInterrupted({ ename, evalue }: RemoteError): boolean {
  return ename === 'TaskTimeout' && evalue.endsWith('was interrupted');
}

function isOutOfMemory({ ename, evalue }: RemoteError): boolean {
  return ename === 'ContextError' && evalue.includes('has no memory for');
}

/** @param limit the milliseconds that a picture may take */
function failureOf(error: RemoteError, limit: number | undefined): Failed {
  const { ename, evalue } = error;
  if (ename === 'TaskTimeout') return new Failed(ename, `it took longer than ${(limit ?? 0) / 1000} s`, false);
  if (isDeath(error)) return new Failed(ename, `it ended two engines: ${evalue}`, false);
  const isPicture = ename === 'PictureError';
  return new Failed(ename, isPicture ? evalue : `${ename}: ${evalue}`, !/^cannot (?:read|write) /.test(evalue));
}
