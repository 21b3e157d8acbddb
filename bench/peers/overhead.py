# ipyparallel's side of bench/overhead.ts: python3 overhead.py <engines>, then one request per line.
import sys
import time

import numpy as np
from serve import engines, median, noop, private_profile, samples, serve


def start(n):
    """Milliseconds until n fresh engines have answered a no-op."""
    begin = time.perf_counter()
    with engines(n):
        return {"value": 1e3 * (time.perf_counter() - begin)}


def latency(client, request):
    """Median µs of one no-op after another, on the first engine or on all."""
    view = client[:] if request["all"] else client[0]
    return {"value": 1e6 * median(samples(request["n"], lambda: view.apply_sync(noop), 20))}


def tasks(client, request):
    """No-op tasks a second, all in flight at once: given out in turn, or by the scheduler."""
    n = request["n"]
    views = [client.load_balanced_view()] if request["balanced"] else [client[i] for i in client.ids]

    def run():
        client.wait([views[i % len(views)].apply_async(noop) for i in range(n)])
        client.purge_local_results("all")

    return {"value": n / median(samples(request.get("rounds", 1), run))}


def transfer(client, request):
    """MB/s of a collective on an array of float32."""
    data = np.full(request["bytes"] // 4, 1.5, np.float32)
    every, one = client[:], client[0]
    every.clear(block=True)
    if request["what"] == "pull from 1":
        one.push({"data": data}, block=True)
    if request["what"] == "gather":
        every.scatter("part", data, block=True)
    runs = {
        "push to 1": lambda: one.push({"data": data}, block=True),
        "pull from 1": lambda: one.pull("data", block=True),
        "scatter": lambda: every.scatter("part", data, block=True),
        "gather": lambda: every.gather("part", block=True),
    }
    times = samples(request["n"], runs[request["what"]])
    client.purge_local_results("all")
    return {"value": request["bytes"] / 1e6 / median(times)}


def main():
    n = int(sys.argv[1])
    with private_profile(), engines(n) as client:
        serve(
            {
                "start": lambda request: start(n),
                "latency": lambda request: latency(client, request),
                "tasks": lambda request: tasks(client, request),
                "transfer": lambda request: transfer(client, request),
            }
        )


main()
