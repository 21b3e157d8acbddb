import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { StreamedTask } from './engine-track.ts';
import type { Observer, Update } from './observer.ts';
import type { Snapshot } from './snapshot.ts';

/** Pages that look at the same time; a further one takes the place of the oldest. */
const MAX_PAGES = 16;
/** Tasks that one event tells a page. */
const MAX_TASKS = 2000;
/** Bytes that a page may be behind, before it misses events. */
const MAX_BEHIND = 8 << 20;

/** The pages that look at a cluster, by server-sent events. Engines are asked only while there is one. */
export class EventStreams {
  readonly #name: string;
  readonly #observer: Observer;
  readonly #pages = new Set<ServerResponse>();
  #off: (() => void) | undefined;
  #last: Snapshot | undefined;

  /** `name`: of the cluster. */
  constructor(name: string, observer: Observer) {
    this.#name = name;
    this.#observer = observer;
  }

  /** Answers with a stream: first all that is known, then the news of each look. */
  open(response: ServerResponse, headers: OutgoingHttpHeaders): void {
    response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream' });
    const { tasks, failures, points } = this.#observer;
    write(response, 'hello', {
      cluster: this.#name,
      points,
      failures,
      snapshot: this.#last,
      tasks: tasks.map(briefOf),
    });
    this.#pages.add(response);
    response.once('close', () => this.#close(response));
    for (const oldest of this.#pages) if (this.#pages.size > MAX_PAGES) this.#close(oldest);
    this.#off ??= this.#observer.on((update) => this.#tell(update));
  }

  #tell({ snapshot, tasks, failures, missed }: Update): void {
    this.#last = snapshot;
    const shown = tasks.slice(-MAX_TASKS);
    const news = { snapshot, failures, tasks: shown.map(briefOf), missed: missed + tasks.length - shown.length };
    for (const page of this.#pages) if (page.writableLength < MAX_BEHIND) write(page, 'news', news);
  }

  #close(page: ServerResponse): void {
    if (!this.#pages.delete(page)) return;
    page.end();
    if (this.#pages.size > 0) return;
    this.#off?.();
    this.#off = undefined;
  }

  /** Ends all streams. */
  close(): void {
    for (const page of [...this.#pages]) this.#close(page);
  }
}

function write(response: ServerResponse, event: string, data: unknown): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** A task as pages get it. */
export function briefOf({ engine, id, client, label, started, ended, status, bytesIn, bytesOut }: StreamedTask) {
  return { e: engine, id, c: client.slice(0, 8), l: label, t: started, u: ended, s: status, i: bytesIn, o: bytesOut };
}
