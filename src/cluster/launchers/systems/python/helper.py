"""The far end of the launchers `dask` and `ray`: JSON lines on standard input and output.

The first line is the configuration. Orders follow: `start` and `stop`. The end of the input ends all agents.
All that runs on workers lies in this file and is pickled by value: nothing needs to be installed there but node and directview.
"""
import asyncio
import json
import os
import queue
import random
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
HOLD = 10.0  # seconds in which the agents of a gang must all have their places, before they give them back


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


def is_let_go(worker, key, gang):
    """Waits with its place until the others of its gang have theirs. False if it is not wanted any more."""
    while gang not in worker.__dict__.setdefault("_directview_gangs", set()):
        if is_unwanted(worker, key):
            return False
        time.sleep(POLL)
    return True


def let_go(gang, dask_worker=None):
    """Runs on a worker: the agents of this gang start."""
    dask_worker.__dict__.setdefault("_directview_gangs", set()).add(gang)


def rooms_of_workers(resources, dask_scheduler=None):
    """Runs on the scheduler: for each worker, how many agents it could take now, and with no other work."""
    rooms = {}
    for address, worker in dask_scheduler.workers.items():
        if worker.status.name == "running":
            free = worker.nthreads - len(worker.processing)
            all = worker.nthreads
            for name, amount in resources.items():
                offered = worker.resources.get(name, 0)
                free = min(free, int((offered - worker.used_resources.get(name, 0)) / amount + 1e-9))
                all = min(all, int(offered / amount + 1e-9))
            rooms[address] = (max(0, free), all)
    return rooms


def on_dask_worker(agent, private, topic, each, grace, gang):
    """Runs on a worker: one agent, for as long as its task lives."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    site = {"id": agent["id"], "host": socket.gethostname(), "worker": worker.address}
    if gang is not None:
        worker.log_event(topic, {"event": "held", "gang": gang, **site})
        if not is_let_go(worker, key, gang):
            return
    place, places = free_place(worker)
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


class Launch:
    """The agents of one order, and all that their tasks need."""

    def __init__(self, agents, privates, resources, each):
        self.agents = agents
        self.privates = privates
        self.resources = resources
        self.each = each


def spread(free):
    """A place for each agent that workers could take, by their free places; one of each worker before the second of any."""
    return [address for _, address in sorted((i, address) for address, count in free.items() for i in range(count))]


def with_needs(text, resources):
    needs = " and ".join("%s %g" % item for item in resources.items())
    return "%s with %s" % (text, needs) if needs else text


class Dask:
    def __init__(self, config, say):
        from distributed import Client

        self.say = say
        self.grace = config["grace"]
        named = {"scheduler_file": config["schedulerFile"]} if config.get("schedulerFile") else {}
        self.client = Client(config.get("address"), name="directview", timeout=config["timeout"], set_as_default=False, **named)
        self.topic = "directview-%s-%d" % (socket.gethostname(), os.getpid())
        self.lock = threading.Lock()  # of the next one
        self.futures = {}  # by id, until the agent has ended; None for one that is not submitted yet
        self.workers = {}  # address of the worker, of those that have started
        self.needs = {}  # by id: why it waits
        self.held = {}  # by gang: ids of those that have their places
        self.client.subscribe_topic(self.topic, lambda event: self.hear(event[1]))
        threading.Thread(target=self.watch, daemon=True).start()

    def hear(self, event):
        id = event["id"]
        if event["event"] == "exit":
            self.over(event)
        elif event["event"] == "held":
            self.held.get(event["gang"], set()).add(id)
        elif id in self.workers:
            self.lose(id, "its worker has died")  # another worker runs it again
        elif id in self.futures:
            self.workers[id] = event["worker"]
            self.say(**event)

    def over(self, event):
        id = event["id"]
        self.workers.pop(id, None)
        self.needs.pop(id, None)
        with self.lock:
            is_known = self.futures.pop(id, self) is not self
        if is_known:
            self.say(**event)

    def lost(self, id, error):
        self.over({"event": "lost", "id": id, "error": error})

    def lose(self, id, error):
        future = self.futures.get(id)
        self.lost(id, error)
        if future is not None:
            self.client.cancel([future], asynchronous=True)

    def start(self, agents, gang, resources, each):
        privates = {agent["id"]: Private(agent.pop("line")) for agent in agents}
        launch = Launch(agents, privates, resources, each)
        if gang:
            for agent in agents:
                self.futures[agent["id"]] = None
            threading.Thread(target=self.assemble, args=(launch,), daemon=True).start()
            return
        needs = with_needs("waits for a free worker", resources)
        for agent in agents:
            id = agent["id"]
            self.needs[id] = needs
            self.futures[id] = self.submit(launch, agent, "%s-%s" % (self.topic, id))
            self.follow(id)

    def submit(self, launch, agent, key, gang=None, **where):
        return self.client.submit(
            on_dask_worker, agent, launch.privates[agent["id"]], self.topic, launch.each, self.grace, gang,
            key=key, resources=launch.resources or None, pure=False, retries=0, **where,
        )

    def follow(self, id):
        self.futures[id].add_done_callback(lambda future: self.done(id, future))

    def assemble(self, launch):
        """All agents of a gang, or none: they are submitted when all of them fit, and start when all have their places."""
        ids = [agent["id"] for agent in launch.agents]
        attempt = 0
        while self.is_wanted(ids):
            try:
                rooms = self.client.run_on_scheduler(rooms_of_workers, launch.resources)
            except (OSError, asyncio.TimeoutError):
                rooms = {}  # one failed question changes nothing
            except Exception as error:
                return self.lose_all(ids, "the scheduler does not tell its places: %s" % error)
            places = spread({address: free for address, (free, _) in rooms.items()})
            if len(places) < len(ids):
                self.tell_gang(launch, len(places), sum(all for _, all in rooms.values()))
            else:
                attempt += 1
                if self.gather(launch, "%s-%s-%d" % (self.topic, ids[0], attempt), places):
                    return
            time.sleep(WATCH * (0.5 + random.random()))
        self.lose_all(ids, "its gang was given up")

    def is_wanted(self, ids):
        return all(id in self.futures for id in ids)

    def lose_all(self, ids, error):
        for id in ids:
            self.lose(id, error)

    def tell_gang(self, launch, free, all):
        needs = with_needs("waits for %d places at once" % len(launch.agents), launch.resources)
        for agent in launch.agents:
            self.needs[agent["id"]] = "%s: %d of %d are free" % (needs, free, all)

    def gather(self, launch, gang, places):
        """True if all of the gang have their places, and so start; else they give them back: somebody else was faster."""
        held = self.held[gang] = set()
        futures = {}
        for agent, place in zip(launch.agents, places):
            key = "%s-%s" % (gang, agent["id"])
            futures[agent["id"]] = self.submit(launch, agent, key, gang, workers=[place], allow_other_workers=False)
        end = time.monotonic() + HOLD
        while len(held) < len(futures) and time.monotonic() < end and self.is_wanted(futures):
            time.sleep(POLL)
        del self.held[gang]
        if len(held) == len(futures) and self.adopt(futures):
            try:
                self.client.run(let_go, gang, workers=sorted(set(places[: len(futures)])))
            except Exception as error:
                self.lose_all(futures, "its gang could not start: %s" % error)
            return True
        self.client.cancel(list(futures.values()))
        return False

    def adopt(self, futures):
        """From now on they are agents like others. False if one of them is not wanted any more."""
        with self.lock:
            if not self.is_wanted(futures):
                return False
            self.futures.update(futures)
        for id in futures:
            self.follow(id)
        return True

    def done(self, id, future):
        if future.status == "error":
            self.lost(id, str(future.exception()))
        elif future.status == "lost":
            self.lost(id, "the scheduler has lost its task")

    def watch(self):
        told = {}
        while True:
            time.sleep(WATCH)
            for id, why in list(self.needs.items()):
                if id not in self.workers and told.get(id) != why:
                    told[id] = why
                    self.say(event="queued", id=id, why=why)
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
        self.client.cancel([future for future in wanted.values() if future is not None])
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
