# The BLAS that numpy multiplies with, as one line: python3 blas.py, or import blas; blas.describe().
import ctypes
import re


def loaded():
    """The shared libraries of this process that look like a BLAS."""
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    return sorted(path for path in paths if re.search(r"(openblas|mkl_rt|blis|libblas)", path))


def call(library, names, result):
    for name in names:
        if hasattr(library, name):
            function = getattr(library, name)
            function.restype = result
            return function()
    return None


def describe():
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    for path in loaded():
        library = ctypes.CDLL(path)
        prefixes = ["", "scipy_"]
        suffixes = ["", "64_"]
        named = lambda name: [f"{p}{name}{s}" for p in prefixes for s in suffixes]
        config = call(library, named("openblas_get_config"), ctypes.c_char_p)
        threads = call(library, named("openblas_get_num_threads"), ctypes.c_int)
        if config is not None:
            return f"numpy {np.__version__}, {config.decode().strip()}, threads: {threads}"
    return f"numpy {np.__version__}, BLAS: {', '.join(loaded()) or 'unknown'}"


if __name__ == "__main__":
    print(describe())
