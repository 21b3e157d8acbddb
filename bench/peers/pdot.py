# The tutorial's pdot in ipyparallel: python3 pdot.py <engines>, then one request per line. Engines multiply with numpy's BLAS.
import sys

import numpy as np
from serve import engines, private_profile, samples, serve


def pdot(dview, A, B):
    dview["B"] = B
    dview.scatter("A", A)
    dview.execute("C = A.dot(B)")
    return dview.gather("C").get()


def worst_error(A, B, C):
    """The largest |C - reference| / (|A| |B|) of 64 entries, the reference in float64."""
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, A.shape[0], 64), rng.integers(0, B.shape[1], 64)
    a, b = A[rows].astype(np.float64), B[:, columns].T.astype(np.float64)
    exact, scale = (a * b).sum(1), np.abs(a * b).sum(1)
    return float(np.max(np.abs(C[rows, columns] - exact) / scale))


class Operands:
    """Made once for each size."""

    def __init__(self):
        self.size = 0

    def of(self, n):
        if n != self.size:
            rng = np.random.default_rng(0)
            self.a, self.b = (rng.random((n, n), dtype=np.float32) - np.float32(0.5) for _ in range(2))
            self.size = n
        return self.a, self.b


def main():
    operands = Operands()
    with private_profile(), engines(int(sys.argv[1])) as client:
        dview = client[:]

        def check(request):
            a, b = operands.of(request["size"])
            return {"value": worst_error(a, b, pdot(dview, a, b))}

        def time(request):
            a, b = operands.of(request["size"])
            answer = {"value": 1e3 * samples(1, lambda: pdot(dview, a, b), 0)[0]}
            client.purge_local_results("all")
            return answer

        def steps(request):
            a, b = operands.of(request["size"])

            def send():
                parts = [dview.push({"B": b}, block=False), dview.scatter("A", a, block=False)]
                for part in parts:
                    part.get()

            names = ["send", "multiply", "gather"]
            runs = [send, lambda: dview.execute("C = A.dot(B)", block=True), lambda: dview.gather("C").get()]
            answer = {"value": {name: 1e3 * samples(1, run, 0)[0] for name, run in zip(names, runs)}}
            client.purge_local_results("all")
            return answer

        def config(request):
            folder = __file__.rsplit("/", 1)[0]
            client[0].execute(f"import sys; sys.path.insert(0, {folder!r}); import blas; blas_config = blas.describe()", block=True)
            return {"value": client[0]["blas_config"]}

        def blas(request):
            a, b = operands.of(request["size"])
            client[0].push({"a": a, "b": b}, block=True)
            client[0].execute("import time; a.dot(b); t = time.perf_counter(); a.dot(b); t = time.perf_counter() - t", block=True)
            return {"value": 1e3 * client[0]["t"]}

        serve({"check": check, "time": time, "steps": steps, "blas": blas, "config": config})


main()
