# Ray's side of bench/overhead.ts: python3 ray_actors.py <engines>, then one request per line.
import sys

import numpy as np
import ray
from serve import median, samples, serve


@ray.remote(num_cpus=0)
class Actor:
    def noop(self):
        return None

    def take(self, array):
        return array.nbytes


def latency(actors, request):
    """Median µs of one no-op after another, on the first actor or on all."""
    chosen = actors if request["all"] else actors[:1]
    run = lambda: ray.get([actor.noop.remote() for actor in chosen])
    return {"value": 1e6 * median(samples(request["n"], run, 20))}


def tasks(actors, request):
    """No-op tasks a second, all in flight at once."""
    n = request["n"]
    run = lambda: ray.get([actors[i % len(actors)].noop.remote() for i in range(n)])
    return {"value": n / median(samples(1, run))}


def push(actors, request):
    """MB/s of one array that every actor gets as a read-only view of shared memory."""
    data = np.full(request["bytes"] // 4, 1.5, np.float32)

    def run():
        stored = ray.put(data)
        ray.get([actor.take.remote(stored) for actor in actors])

    return {"value": request["bytes"] / 1e6 / median(samples(request["n"], run))}


def main():
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    actors = [Actor.remote() for _ in range(int(sys.argv[1]))]
    ray.get([actor.noop.remote() for actor in actors])
    serve(
        {
            "latency": lambda request: latency(actors, request),
            "tasks": lambda request: tasks(actors, request),
            "push": lambda request: push(actors, request),
        }
    )
    ray.shutdown()


main()
