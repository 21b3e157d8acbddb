"""The far end of the launchers `dask` and `ray`: JSON lines on standard input and output.

The first line is the configuration. Orders follow: `start` and `stop`. The end of the input ends all agents.
All that runs on workers lies in this file and is pickled by value: nothing needs to be installed there but node and directview.
"""
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

TAIL = 8000  # bytes of an agent's output that are kept
POLL = 0.1  # seconds between two looks at an agent
WATCH = 1.0  # seconds between two looks at the system
LEAVE = 4.0  # seconds beyond the grace for the ends of all agents


class Private:
    """A text with keys: logs and dashboards print arguments of tasks, and see none of it."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return "(private)"


class Child:
    """One agent. Its standard input stays open as long as it may live, so that it ends with its worker."""

    def __init__(self, command, private, **fields):
        options = {**json.loads(private.text), **fields}
        self.tail = b""
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        try:
            self.process.stdin.write(json.dumps(options).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended: its exit says more

    def read(self):
        for chunk in iter(lambda: self.process.stdout.read1(4096), b""):
            self.tail = (self.tail + chunk)[-TAIL:]

    def stop(self, grace):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def end(self):
        code = self.process.wait()
        self.kill()  # what it may have left behind
        self.reader.join(0.5)
        name = None if code >= 0 else signal.Signals(-code).name
        return {"code": code if code >= 0 else None, "signal": name, "tail": self.tail.decode(errors="replace")}


# Dask.


def free_place(worker):
    """The first place among the agents of this worker process that none of them has; with the set to give it back to."""
    lock = worker.__dict__.setdefault("_directview_lock", threading.Lock())
    places = worker.__dict__.setdefault("_directview_places", set())
    with lock:
        place = next(i for i in range(len(places) + 1) if i not in places)
        places.add(place)
    return place, places


def is_unwanted(worker, key):
    """A thread of a worker cannot be cancelled: the task looks whether it is still wanted."""
    tasks = worker.state.tasks if hasattr(worker, "state") else worker.tasks
    task = tasks.get(key)
    if task is None or task.state in ("cancelled", "released", "forgotten"):
        return True
    return worker.status.name in ("closing", "closed")


def on_dask_worker(agent, private, topic, each, grace):
    """Runs on a worker: one agent, for as long as its task lives."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    place, places = free_place(worker)
    site = {"id": agent["id"], "host": socket.gethostname(), "worker": worker.address}
    try:
        child = Child(agent["command"], private, firstPlace=place * each, job=str(key))
        worker.log_event(topic, {"event": "started", **site})
        while child.process.poll() is None:
            if is_unwanted(worker, key):
                child.stop(grace)
            time.sleep(POLL)
        worker.log_event(topic, {"event": "exit", **site, **child.end()})
    finally:
        places.discard(place)


class Dask:
    def __init__(self, config, say):
        from distributed import Client

        self.say = say
        self.grace = config["grace"]
        named = {"scheduler_file": config["schedulerFile"]} if config.get("schedulerFile") else {}
        self.client = Client(config.get("address"), name="directview", timeout=config["timeout"], set_as_default=False, **named)
        self.topic = "directview-%s-%d" % (socket.gethostname(), os.getpid())
        self.futures = {}  # by id, until the agent has ended
        self.workers = {}  # address of the worker, of those that have started
        self.client.subscribe_topic(self.topic, lambda event: self.hear(event[1]))
        threading.Thread(target=self.watch, daemon=True).start()

    def hear(self, event):
        id = event["id"]
        if event["event"] == "exit":
            self.over(event)
        elif id in self.workers:
            self.lose(id, "its worker has died")  # another worker runs it again
        elif id in self.futures:
            self.workers[id] = event["worker"]
            self.say(**event)

    def over(self, event):
        future = self.futures.pop(event["id"], None)
        self.workers.pop(event["id"], None)
        if future is not None:
            self.say(**event)

    def lost(self, id, error):
        self.over({"event": "lost", "id": id, "error": error})

    def lose(self, id, error):
        future = self.futures.get(id)
        self.lost(id, error)
        if future is not None:
            self.client.cancel([future], asynchronous=True)

    def start(self, agents, gang, resources, each):
        for agent in agents:
            id = agent["id"]
            private = Private(agent.pop("line"))
            future = self.client.submit(
                on_dask_worker, agent, private, self.topic, each, self.grace,
                key="%s-%s" % (self.topic, id), resources=resources or None, pure=False, retries=0,
            )
            self.futures[id] = future
            future.add_done_callback(lambda future, id=id: self.done(id, future))
        needs = " and ".join("%s %g" % item for item in resources.items())
        self.needs = "waits for a free worker%s" % (" with " + needs if needs else "")

    def done(self, id, future):
        if future.status == "error":
            self.lost(id, str(future.exception()))
        elif future.status == "lost":
            self.lost(id, "the scheduler has lost its task")

    def watch(self):
        told = set()
        while True:
            time.sleep(WATCH)
            for id in [id for id in self.futures if id not in self.workers and id not in told]:
                told.add(id)
                self.say(event="queued", id=id, why=self.needs)
            if not self.workers:
                continue
            try:
                workers = self.known_workers()
            except Exception:
                continue  # one failed question changes nothing
            for id, address in list(self.workers.items()):
                if address not in workers:
                    self.lose(id, "its worker %s is gone" % address)

    def known_workers(self):
        try:
            return self.client.scheduler_info(n_workers=-1)["workers"]
        except TypeError:
            return self.client.scheduler_info()["workers"]

    def stop(self, ids):
        wanted = {id: self.futures[id] for id in ids if id in self.futures}
        self.client.cancel(list(wanted.values()))
        waiting = [id for id in wanted if id not in self.workers]
        if waiting:
            threading.Timer(WATCH, self.give_up, [waiting]).start()

    def give_up(self, ids):
        for id in ids:
            if id not in self.workers:
                self.lost(id, "it was cancelled in the queue")

    def close(self):
        self.stop(list(self.futures))
        end = time.monotonic() + self.grace + 2
        while self.futures and time.monotonic() < end:
            time.sleep(POLL)
        self.client.close(timeout=2)


# Ray.


class RayAgent:
    """An actor: one agent, which ends with it."""

    def __init__(self):
        self.child = None

    def start(self, command, private):
        import ray

        self.child = Child(command, private, firstPlace=0, job=ray.get_runtime_context().get_job_id())
        return {"host": socket.gethostname()}

    def wait(self):
        return self.child.end()

    def stop(self, grace):
        self.child.stop(grace)


class Ray:
    def __init__(self, config, say):
        import ray

        self.ray = ray
        self.say = say
        self.grace = config["grace"]
        self.strategy = config["strategy"]
        ray.init(address=config.get("address") or "auto", log_to_driver=False, logging_level="ERROR", namespace="directview")
        self.actors = {}  # by id, of those that have a place
        self.unwanted = set()
        self.threads = set()

    def start(self, agents, gang, resources, each):
        for group in [agents] if gang else [[agent] for agent in agents]:
            self.thread(self.place, group, resources)

    def thread(self, run, *args):
        thread = threading.Thread(target=run, args=args, daemon=True)
        self.threads.add(thread)
        thread.start()
        return thread

    def place(self, agents, resources):
        """One placement group: all of its agents get their places at once."""
        from ray.util.placement_group import placement_group, remove_placement_group

        ids = [agent["id"] for agent in agents]
        group = placement_group([dict(resources) for _ in agents], strategy=self.strategy)
        try:
            if self.granted(group, ids, resources):
                for thread in [self.thread(self.run, group, i, agent, resources) for i, agent in enumerate(agents)]:
                    thread.join()
        except Exception as error:
            self.lose(ids, error)
        finally:
            remove_placement_group(group)

    def granted(self, group, ids, resources):
        from ray.exceptions import GetTimeoutError

        ready = group.ready()
        while not self.unwanted.issuperset(ids):
            try:
                self.ray.get(ready, timeout=WATCH)
                return True
            except GetTimeoutError:
                free = {name: count for name, count in self.ray.available_resources().items() if name in resources}
                for id in ids:
                    self.say(event="queued", id=id, why="waits for %s, and there is %s" % (shown(resources), shown(free)))
        self.lose(ids, "it was cancelled in the queue")
        return False

    def lose(self, ids, error):
        for id in ids:
            self.say(event="lost", id=id, error=str(error)[:500])

    def run(self, group, index, agent, resources):
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        id = agent["id"]
        needs = dict(resources)
        cpus, gpus = needs.pop("CPU", 0), needs.pop("GPU", 0)
        try:
            actor = self.ray.remote(RayAgent).options(
                num_cpus=cpus, num_gpus=gpus, resources=needs, max_restarts=0, max_task_retries=0, max_concurrency=4,
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=index),
            ).remote()
            self.say(event="started", id=id, **self.ray.get(actor.start.remote(agent["command"], Private(agent["line"]))))
            self.actors[id] = actor
            if id in self.unwanted:
                actor.stop.remote(self.grace)
            self.say(event="exit", id=id, **self.end_of(actor))
            self.ray.kill(actor)
        except Exception as error:
            self.lose([id], "%s: %s" % (type(error).__name__, error))
        finally:
            self.actors.pop(id, None)

    def end_of(self, actor):
        """An actor that is not available now may be again: that is not yet its death."""
        from ray import exceptions

        unavailable = getattr(exceptions, "ActorUnavailableError", ())
        while True:
            try:
                return self.ray.get(actor.wait.remote())
            except unavailable:
                time.sleep(WATCH)

    def stop(self, ids):
        self.unwanted.update(ids)
        for actor in [self.actors[id] for id in ids if id in self.actors]:
            actor.stop.remote(self.grace)

    def close(self):
        self.stop(list(self.actors))
        end = time.monotonic() + self.grace + 2
        while any(thread.is_alive() for thread in self.threads) and time.monotonic() < end:
            time.sleep(POLL)
        self.ray.shutdown()


def shown(resources):
    return " ".join("%s=%g" % item for item in sorted(resources.items())) or "nothing"


def main():
    # Libraries print what they like: the lines have a descriptor of their own.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(**message):
        with lock:
            out.write(json.dumps(message) + "\n")
            out.flush()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends agents by way of the cluster
    try:
        side = {"dask": Dask, "ray": Ray}[sys.argv[1]](json.loads(sys.stdin.readline()), say)
    except BaseException as error:
        say(event="failed", error="%s: %s" % (type(error).__name__, error))
        os._exit(1)
    say(event="connected")
    orders = queue.SimpleQueue()
    worker = threading.Thread(target=work, args=(side, orders), daemon=True)
    worker.start()
    for line in sys.stdin:
        orders.put(json.loads(line))
    orders.put(None)
    worker.join(side.grace + LEAVE)  # a system that is gone may never answer
    os._exit(0)


def work(side, orders):
    """Orders, one by one. The end of the input is seen meanwhile."""
    while True:
        order = orders.get()
        if order is None:
            return side.close()
        try:
            {"start": side.start, "stop": side.stop}[order.pop("do")](**order)
        except Exception as error:
            print("%s: %s" % (type(error).__name__, error), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
