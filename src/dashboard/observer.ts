import { type Client, linksOf } from '../client/client.ts';
import { GpuCards } from '../client/jobs/gpu-cards.ts';
import type { EngineLinks } from '../client/links/engine-links.ts';
import type { EngineStatus } from '../protocol/messages/control.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { RecentTasks } from '../protocol/messages/monitoring.ts';
import type { EngineId } from '../protocol/messages.ts';
import { EngineTrack, type EngineView, type StreamedFailure, type StreamedTask } from './engine-track.ts';
import { type Snapshot, snapshotOf } from './snapshot.ts';

/** Milliseconds between two looks at every engine. */
const LOOK_MS = 1000;
/** Milliseconds in which an engine must answer a look. */
const ANSWER_MS = 3000;
const MAX_FAILURES = 100;
/** Points of the charts: ten minutes. */
const MAX_POINTS = 600;

/** The figures of one look, for charts. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Tasks that ended per second. */
  readonly tasks: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queue: number;
  readonly running: number;
  /** Cores. */
  readonly cpu: number;
}

/** The news of one look. */
export interface Update {
  readonly snapshot: Snapshot;
  readonly tasks: readonly StreamedTask[];
  readonly failures: readonly StreamedFailure[];
  /** Tasks that ended and are not among them: there were too many to tell. */
  readonly missed: number;
}

/** Limits of an observer. */
export interface ObserverOptions {
  /** Tasks that it remembers; default 5000. */
  readonly history?: number | undefined;
  /** Default: the driver of the cards of this machine. */
  readonly cards?: GpuCards | undefined;
}

/**
 * Looks at all engines of a cluster once a second, as long as somebody listens: the source of dashboards and reports. It
 * asks control threads alone, so engines compute on.
 */
export class Observer {
  readonly #rc: Client;
  readonly #links: EngineLinks;
  readonly #cards: GpuCards;
  readonly #history: number;
  readonly #tracks = new Map<EngineId, EngineTrack>();
  readonly #listeners = new Set<(update: Update) => void>();
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<Snapshot> | undefined;
  #tasks: StreamedTask[] = [];
  #failures: StreamedFailure[] = [];
  #points: Point[] = [];
  #missed = 0;

  constructor(rc: Client, { history = 5000, cards = new GpuCards() }: ObserverOptions = {}) {
    this.#rc = rc;
    this.#links = linksOf(rc);
    this.#cards = cards;
    this.#history = history;
  }

  /** The tasks that it remembers, oldest first. */
  get tasks(): readonly StreamedTask[] {
    return this.#tasks;
  }

  /** The last 100 failures. */
  get failures(): readonly StreamedFailure[] {
    return this.#failures;
  }

  /** The figures of the last ten minutes in which somebody listened. */
  get points(): readonly Point[] {
    return this.#points;
  }

  /** Tasks that it could not follow. */
  get missed(): number {
    return this.#missed;
  }

  /** Calls `listener` after each look until the returned function is called. */
  on(listener: (update: Update) => void): () => void {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => void this.look(), LOOK_MS);
      void this.look();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** Looks no more. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#listeners.clear();
  }

  /** Looks at every engine; those who ask meanwhile share the look. Never rejects. */
  look(): Promise<Snapshot> {
    this.#look ??= this.#lookNow().finally(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  async #lookNow(): Promise<Snapshot> {
    const { engines } = this.#rc;
    await Promise.all(engines.map((engine) => this.#ask(engine)));
    for (const [id, track] of this.#tracks) if (this.#rc.engine(id)?.uuid !== track.uuid) track.lost();
    const tracks = [...this.#tracks.values()].sort((a, b) => a.id - b.id);
    const tasks = inOrder(tracks.flatMap((track) => track.takeTasks()));
    const failures = inOrder(tracks.flatMap((track) => track.takeFailures()));
    const missed = tracks.reduce((sum, track) => sum + track.takeMissed(), 0);
    const views = await this.#withCards(tracks.map((track) => track.view()));
    const snapshot = snapshotOf(views, Date.now());
    this.#remember(snapshot, tasks, failures, missed);
    for (const listener of this.#listeners) listener({ snapshot, tasks, failures, missed });
    return snapshot;
  }

  async #withCards(views: readonly EngineView[]): Promise<EngineView[]> {
    const known = new Map(views.flatMap(({ id, status }) => (status === null ? [] : [[id, status] as const])));
    const all = await this.#cards.addTo(known, (id) => this.#rc.engine(id));
    return views.map((view) => ({ ...view, status: all.get(view.id) ?? null }));
  }

  #remember(
    { at, rates, queue, running, cpu }: Snapshot,
    tasks: readonly StreamedTask[],
    failures: readonly StreamedFailure[],
    missed: number,
  ): void {
    this.#tasks = last([...this.#tasks, ...tasks], this.#history);
    this.#failures = last([...this.#failures, ...failures], MAX_FAILURES);
    this.#points = last([...this.#points, { at, ...rates, queue, running, cpu }], MAX_POINTS);
    this.#missed += missed;
  }

  async #ask(engine: EngineRecord): Promise<void> {
    const track = this.#trackOf(engine);
    try {
      const [status, recent]: [EngineStatus, RecentTasks] = await Promise.all([
        this.#links.control(engine.id, { type: 'status', brief: true }, ANSWER_MS),
        this.#links.control(engine.id, { type: 'recent', since: track.since }, ANSWER_MS),
      ]);
      track.answered(status, recent, performance.now());
    } catch {
      track.silent();
    }
  }

  #trackOf(engine: EngineRecord): EngineTrack {
    const known = this.#tracks.get(engine.id);
    if (known?.uuid === engine.uuid) return known;
    const track = new EngineTrack(engine);
    this.#tracks.set(engine.id, track);
    return track;
  }
}

function inOrder<T extends { readonly ended: number }>(list: T[]): T[] {
  return list.sort((a, b) => a.ended - b.ended);
}

function last<T>(list: T[], most: number): T[] {
  return list.length > most ? list.slice(-most) : list;
}
