// The task stream: a row for each engine, a bar for each task. It needs nothing else of the page: reports hold it, too.

const ROW = 26;
const AXIS = 22;
const LEFT = 74;
const MAX_TASKS = 20_000;

/** Tasks by engine on a canvas that can be dragged and zoomed. */
export class TaskStream {
  #tasks = [];
  #running = [];
  #engines = [];
  #canvas = document.createElement('canvas');
  #options;
  #from = 0;
  #to = 0;
  #span = 30_000;
  #now = Date.now();
  #isLive = true;
  #drag = undefined;

  /** `options`: colorOf(label), error (a colour), onPick(task), onHover(task, event), onLive(isLive). */
  constructor(host, options) {
    this.#options = options;
    host.append(this.#canvas);
    new ResizeObserver(() => this.draw()).observe(host);
    this.#listen();
  }

  get isLive() {
    return this.#isLive;
  }

  /** How many tasks it holds. */
  get size() {
    return this.#tasks.length;
  }

  /** Adds tasks that ended. */
  add(tasks) {
    this.#tasks.push(...tasks);
    if (this.#tasks.length > 1.2 * MAX_TASKS) this.#tasks = this.#tasks.slice(-MAX_TASKS);
  }

  /** The engines, and those of them that run a task. */
  state(engines, running, now) {
    const before = this.#engines.length;
    this.#engines = engines;
    this.#running = running;
    this.#now = now;
    if (engines.length !== before)
      this.#canvas.parentElement.style.height = `${Math.max(1, engines.length) * ROW + AXIS}px`;
  }

  /** It is later now: draws what runs. */
  tick(now) {
    this.#now = now;
    this.draw();
  }

  /** Shows this part of the time. */
  show(from, to) {
    this.#isLive = false;
    [this.#from, this.#to] = [from, to];
    this.#span = to - from;
    this.#changed();
  }

  /** Follows the present. */
  live() {
    this.#isLive = true;
    this.#changed();
  }

  /** Shows a longer or shorter time around a moment. */
  zoom(by, at = this.#to) {
    const span = Math.min(3_600_000, Math.max(20, this.#span * by));
    if (this.#isLive) {
      this.#span = span;
      this.#changed();
      return;
    }
    const part = (at - this.#from) / this.#span;
    this.show(at - part * span, at + (1 - part) * span);
  }

  #changed() {
    this.#options.onLive?.(this.#isLive);
    this.draw();
  }

  /** Draws what is to be seen now. */
  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas.parentElement;
    const ratio = globalThis.devicePixelRatio || 1;
    if (this.#canvas.width !== width * ratio || this.#canvas.height !== height * ratio) {
      this.#canvas.width = width * ratio;
      this.#canvas.height = height * ratio;
    }
    if (this.#isLive) [this.#from, this.#to] = [this.#now - this.#span, this.#now + this.#span / 60];
    const g = this.#canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const color = (name, other) => style.getPropertyValue(name).trim() || other;
    this.#grid(g, width, height, color('--line', '#ddd'), color('--soft', '#777'));
    g.save();
    g.beginPath();
    g.rect(LEFT, 0, width - LEFT, height);
    g.clip();
    for (const task of this.#tasks) this.#bar(g, task, task.u, width);
    g.globalAlpha = 0.45;
    for (const task of this.#running) this.#bar(g, task, Math.max(this.#now, task.t), width);
    g.restore();
  }

  #x(time, width) {
    return LEFT + ((time - this.#from) / (this.#to - this.#from)) * (width - LEFT);
  }

  #bar(g, task, end, width) {
    if (end < this.#from || task.t > this.#to) return;
    const y = this.#engines.indexOf(task.e) * ROW;
    if (y < 0) return;
    const x = this.#x(task.t, width);
    const w = Math.max(1.5, this.#x(end, width) - x - 0.5);
    g.fillStyle = task.s === 'error' ? this.#options.error : this.#options.colorOf(task.l);
    if (task.s === 'aborted') g.fillStyle = '#999';
    g.fillRect(x, y + 4, w, ROW - 8);
    if (w > 6 * task.l.length + 10) {
      g.fillStyle = '#fff';
      g.font = '11px system-ui, sans-serif';
      g.fillText(task.l, Math.max(x, LEFT) + 5, y + ROW / 2 + 4);
    }
  }

  #grid(g, width, height, line, soft) {
    g.font = '11px system-ui, "DejaVu Sans", sans-serif';
    g.fillStyle = soft;
    g.strokeStyle = line;
    g.lineWidth = 1;
    this.#engines.forEach((id, i) => {
      g.fillText(`engine ${id}`, 4, i * ROW + ROW / 2 + 4);
      g.beginPath();
      g.moveTo(LEFT, (i + 1) * ROW - 0.5);
      g.lineTo(width, (i + 1) * ROW - 0.5);
      g.stroke();
    });
    const step = niceStep((this.#to - this.#from) / Math.max(2, (width - LEFT) / 110));
    for (let t = Math.ceil(this.#from / step) * step; t < this.#to; t += step) {
      const x = Math.round(this.#x(t, width)) + 0.5;
      g.beginPath();
      g.moveTo(x, 0);
      g.lineTo(x, height - AXIS + 4);
      g.stroke();
      g.fillText(timeText(t, step), x - 20, height - 5);
    }
  }

  /** The task under the pointer. */
  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const engine = this.#engines[Math.floor(y / ROW)];
    const time = this.#from + ((x - LEFT) / (box.width - LEFT)) * (this.#to - this.#from);
    const slack = ((this.#to - this.#from) / box.width) * 2;
    const hit = (task) => task.e === engine && task.t - slack <= time && (task.u ?? this.#now) + slack >= time;
    return { time, task: x < LEFT ? undefined : (this.#tasks.findLast(hit) ?? this.#running.find(hit)) };
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const { time } = this.#at(event);
      if (this.#isLive) this.show(this.#from, this.#to);
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, time);
    });
    canvas.addEventListener('pointerdown', (event) => {
      this.#drag = { x: event.clientX, from: this.#from, to: this.#to, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener('pointerup', (event) => {
      if (this.#drag?.moved === false) this.#pick(event);
      this.#drag = undefined;
    });
    canvas.addEventListener('pointerleave', (event) => this.#options.onHover?.(undefined, event));
    canvas.addEventListener('dblclick', () => this.live());
  }

  #pick(event) {
    const { task } = this.#at(event);
    if (task !== undefined) this.#options.onPick?.(task);
  }

  #move(event) {
    const drag = this.#drag;
    if (drag === undefined) {
      this.#options.onHover?.(this.#at(event).task, event);
      return;
    }
    const dx = event.clientX - drag.x;
    if (Math.abs(dx) < 4 && !drag.moved) return;
    drag.moved = true;
    const shift = (dx / (this.#canvas.clientWidth - LEFT)) * (drag.to - drag.from);
    this.show(drag.from - shift, drag.to - shift);
  }
}

function niceStep(least) {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5];
  return steps.find((step) => step >= least) ?? 36e5;
}

function timeText(ms, step) {
  const text = new Date(ms).toTimeString().slice(0, 8);
  return step >= 1000 ? text : `${text.slice(6)}.${String(Math.round(ms % 1000)).padStart(3, '0')}`;
}
