# NumPy's products for bench/matmul: python3 numpy_gemm.py, then one request per line. See serve.py.
import time

import blas
import numpy as np
from serve import median, serve

RUNS = 5
TRIED = 64


def operands(m, k, n, dtype):
    rng = np.random.default_rng(1)
    make = lambda rows, columns: (rng.random((rows, columns)) * 2 - 1).astype(dtype)
    return make(m, k), make(k, n)


def worst_error(a, b, c):
    """The largest |C - reference| / (|A| |B|) of 64 entries, the reference in float64."""
    rng = np.random.default_rng(2)
    rows, columns = rng.integers(0, a.shape[0], TRIED), rng.integers(0, b.shape[1], TRIED)
    terms = a[rows].astype(np.float64) * b[:, columns].T.astype(np.float64)
    return float(np.max(np.abs(c[rows, columns] - terms.sum(1)) / np.abs(terms).sum(1)))


def gemm(request):
    m, k, n = request["shape"]
    a, b = operands(m, k, n, request["dtype"])
    error = worst_error(a, b, a @ b)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        a @ b
        times.append(1e3 * (time.perf_counter() - start))
    ms = min(times)
    # Its operands are on the host: resident and from host to host are the same.
    return {"value": {"ms": ms, "wholeMs": ms, "medianMs": median(times), "runs": len(times), "error": error}}


def config(_):
    return {"value": {"version": blas.describe(), "devices": ["cpu"]}}


serve({"gemm": gemm, "config": config})
