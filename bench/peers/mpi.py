# MPI's side of bench/overhead.ts: mpirun -n N+1 python3 mpi.py BYTES. Rank 0 is the client, the others are its engines; all
# arrays are there before the clock starts. Rank 0 prints one line of JSON: MB/s (10^6 bytes), and pings in microseconds.
import json
import statistics
import sys
import time

import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
rank, engines = comm.rank, comm.size - 1
size = int(sys.argv[1]) // 4 // engines * engines
counts = [0] + [size // engines] * engines
starts = [0] + [i * (size // engines) for i in range(engines)]
data = np.full(size, 1.5, np.float32) if rank == 0 else None
whole = np.ones(size, np.float32)
part = np.ones(counts[rank], np.float32)
ping = np.ones(200, np.uint8)


def scatter():
    comm.Scatterv([data, counts, starts, MPI.FLOAT], part, root=0)


def gather():
    comm.Gatherv(part, [whole, counts, starts, MPI.FLOAT], root=0)


def push():
    comm.Bcast(data if rank == 0 else whole, root=0)


def pings(peers):
    if rank == 0:
        requests = [comm.Isend(ping, p) for p in peers]
        for p in peers:
            comm.Recv(ping, p)
        MPI.Request.Waitall(requests)
    elif rank in peers:
        comm.Recv(ping, 0)
        comm.Send(ping, 0)


def seconds(run, n):
    """The median of n runs; a run ends when the last rank is through."""
    times = []
    for _ in range(n + 2):
        comm.Barrier()
        begin = time.perf_counter()
        run()
        comm.Barrier()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[2:])


def ping_seconds(peers, n=500):
    times = []
    for _ in range(n):
        begin = time.perf_counter()
        pings(peers)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


megabytes = size * 4 / 1e6
answer = {name: megabytes / seconds(run, 5) for name, run in (("scatter", scatter), ("gather", gather), ("push", push))}
answer["ping"] = 1e6 * ping_seconds([1])
answer["pings"] = 1e6 * ping_seconds(list(range(1, engines + 1)))
if rank == 0:
    print(json.dumps(answer))
