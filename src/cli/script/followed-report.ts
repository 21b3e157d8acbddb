import { writeFileSync } from 'node:fs';
import type { Client } from '../../client/client.ts';
import type { ClientEvent } from '../../client/links/engine-links.ts';
import type { StreamedTask } from '../../dashboard/engine-track.ts';
import { Observer } from '../../dashboard/observer.ts';
import { preparedReport, type ReportText } from '../../dashboard/report.ts';
import { type Snapshot, withTasks } from '../../dashboard/snapshot.ts';
import type { TaskId } from '../../protocol/messages.ts';
import { writeFileAtomic } from '../../util/atomic-write.ts';

/** Tasks that a report shows. */
const REPORTED_TASKS = 100_000;

/** The report of a run that is under way. */
export class FollowedReport {
  readonly #file: string;
  readonly #title: string;
  readonly #observer: Observer;
  readonly #text: ReportText;
  readonly #first: Snapshot;
  #last: Snapshot;
  /** Starts of this client's tasks. */
  readonly #started = new Map<TaskId, number>();
  /** Tasks of this client that have ended since the engines were asked. */
  #late: StreamedTask[] = [];
  #off = (): void => {};

  private constructor(file: string, title: string, observer: Observer, text: ReportText, first: Snapshot) {
    this.#file = file;
    this.#title = title;
    this.#observer = observer;
    this.#text = text;
    this.#first = first;
    this.#last = first;
  }

  /** Follows the run from now on. */
  static async follow(file: string, title: string, rc: Client): Promise<FollowedReport> {
    const observer = new Observer(rc, { history: REPORTED_TASKS });
    const [text, first] = await Promise.all([preparedReport(), observer.look()]);
    const report = new FollowedReport(file, title, observer, text, first);
    report.#listen(rc);
    return report;
  }

  #listen(rc: Client): void {
    const offEvents = rc.onEvent((event) => this.#note(event, rc.uuid));
    const offLooks = this.#observer.on(({ snapshot, tasks }) => {
      this.#last = snapshot;
      const told = new Set(tasks.map(({ id }) => id));
      this.#late = this.#late.filter(({ id }) => !told.has(id));
    });
    process.on('exit', this.#onExit);
    this.#off = () => {
      offEvents();
      offLooks();
      process.off('exit', this.#onExit);
    };
  }

  #note(event: ClientEvent, client: string): void {
    if (event.type === 'task-started') this.#started.set(event.id, event.at);
    if (event.type !== 'task-ended' || event.engine === null) return;
    const { id, label, engine, bytesIn, bytesOut } = event;
    const ended = Date.now();
    const started = this.#started.get(id) ?? ended;
    const status = event.status === 'ok' || event.status === 'error' ? event.status : 'aborted';
    this.#started.delete(id);
    this.#late.push({ number: 0, id, client, label, started, ended, status, bytesIn, bytesOut, engine });
  }

  /** Asks the engines a last time and writes the page. */
  async finish(): Promise<void> {
    this.#off();
    const last = await this.#observer.look();
    await writeFileAtomic(this.#file, this.#page(last, this.#observer.tasks));
  }

  // Nothing can be awaited any more: the page has what is known here.
  readonly #onExit = (): void => {
    const tasks = [...this.#observer.tasks, ...this.#late];
    writeFileSync(this.#file, this.#page({ ...withTasks(this.#last, this.#late), at: Date.now() }, tasks));
  };

  #page(last: Snapshot, tasks: readonly StreamedTask[]): string {
    const { failures, missed } = this.#observer;
    return this.#text({ title: this.#title, followed: { tasks, failures, missed }, first: this.#first, last });
  }
}
