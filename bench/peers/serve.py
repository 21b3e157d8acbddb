# A peer of the benchmarks: answers one JSON line per JSON line, until its standard input ends. See bench/support/peer.ts.
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager


def serve(handlers):
    """Runs handlers[request['do']](request) for each line and writes the dictionary that it returns, or {'error': text}."""
    # Whatever libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = handlers[request["do"]](request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


@contextmanager
def engines(n):
    """n local ipyparallel engines that have answered, and the client; nothing is left of them."""
    import ipyparallel as ipp

    cluster = ipp.Cluster(n=n, log_level=40)
    cluster.start_cluster_sync()
    try:
        client = cluster.connect_client_sync()
        client.wait_for_engines(n, timeout=120, interactive=False)
        client[:].apply_sync(noop)
        yield client
        client.close()
    finally:
        cluster.stop_cluster_sync()


@contextmanager
def private_profile():
    """ipyparallel writes its profile below $IPYTHONDIR: into a folder that is removed."""
    folder = tempfile.mkdtemp(prefix="dv-ipython-")
    os.environ["IPYTHONDIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def noop():
    return None


# Sent by value: engines cannot import this file.
noop.__module__ = "__main__"


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def samples(n, run, warmups=1):
    """Seconds of each of n runs."""
    for _ in range(warmups):
        run()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times
