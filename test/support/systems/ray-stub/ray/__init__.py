"""A stand-in for Ray: the calls of the launcher's helper, with actors in threads of this process and one node's resources."""
import os
import json
import pickle
import threading

from . import exceptions

_lock = threading.Condition()
_free = {}
_actors = set()


class Ref:
    def __init__(self, run):
        self.done = threading.Event()
        self.value = self.error = None
        threading.Thread(target=self.work, args=(run,), daemon=True).start()

    def work(self, run):
        try:
            self.value = run()
        except BaseException as error:
            self.error = error
        self.done.set()


def init(address, log_to_driver, logging_level, namespace):
    if address != os.environ.get("RAY_STUB_ADDRESS"):
        raise ConnectionError("no ray at " + str(address))
    print("Connected to a stub of Ray")  # as Ray does, on stdout
    _free.update(json.loads(os.environ["RAY_STUB_RESOURCES"]))


def get(ref, timeout=None):
    if not ref.done.wait(timeout):
        raise exceptions.GetTimeoutError("not ready")
    if ref.error is not None:
        raise ref.error
    return ref.value


def available_resources():
    with _lock:
        return dict(_free)


def take(bundles):
    """Waits until all bundles fit."""
    with _lock:
        _lock.wait_for(lambda: all(sum(b.get(n, 0) for b in bundles) <= _free.get(n, 0) for n in set().union(*bundles)))
        for bundle in bundles:
            for name, amount in bundle.items():
                _free[name] -= amount


def give(bundles):
    with _lock:
        for bundle in bundles:
            for name, amount in bundle.items():
                _free[name] = _free.get(name, 0) + amount
        _lock.notify_all()


class Method:
    def __init__(self, run):
        self.run = run

    def remote(self, *args):
        copy = pickle.loads(pickle.dumps(args))
        return Ref(lambda: self.run(*copy))


class Actor:
    def __init__(self, instance):
        self._instance = instance
        _actors.add(self)

    def __getattr__(self, name):
        return Method(getattr(self._instance, name))


class Remote:
    def __init__(self, cls):
        self.cls = cls

    def options(self, num_cpus, num_gpus, resources, max_restarts, max_task_retries, max_concurrency, scheduling_strategy):
        bundle = scheduling_strategy.group.bundles[scheduling_strategy.index]
        assert max_restarts == 0 and max_task_retries == 0 and max_concurrency > 1
        assert (num_cpus, num_gpus) == (bundle.get("CPU", 0), bundle.get("GPU", 0)), bundle
        assert resources == {name: amount for name, amount in bundle.items() if name not in ("CPU", "GPU")}
        return self

    def remote(self):
        return Actor(self.cls())


def remote(cls):
    return Remote(cls)


def kill(actor):
    _actors.discard(actor)


def get_runtime_context():
    return Context()


class Context:
    def get_job_id(self):
        return "01000000"


def shutdown():
    pass
