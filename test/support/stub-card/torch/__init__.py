# A stand-in for PyTorch on a machine with a card: matrices are lists, and the card's events must be recorded before they
# are read, and waited for. STUB_TORCH tells what goes wrong: "no card", "wrong", or "DTYPE out of memory", "DTYPE dies",
# "DTYPE hangs". STUB_TORCH_LOG is a file that gets a line for each import, with the
# process, and one when it hangs.
import os
import random
import time

__version__ = "2.9.0+stub"
HOW = os.environ.get("STUB_TORCH", "")


def note(text):
    if "STUB_TORCH_LOG" in os.environ:
        with open(os.environ["STUB_TORCH_LOG"], "a") as log:
            log.write(f"{text}\n")


note(os.getpid())

float16, bfloat16, float32, float64 = "float16", "bfloat16", "float32", "float64"


class Tensor:
    def __init__(self, rows, dtype=float32):
        self.rows, self.dtype = rows, dtype

    @property
    def shape(self):
        return len(self.rows), len(self.rows[0])

    @property
    def device(self):
        return "cuda"

    @property
    def T(self):
        return Tensor([list(column) for column in zip(*self.rows)], self.dtype)

    def _each(self, f, other=None):
        if isinstance(other, Tensor):
            return Tensor([[f(x, y) for x, y in zip(*pair)] for pair in zip(self.rows, other.rows)], self.dtype)
        return Tensor([[f(x, other) for x in row] for row in self.rows], self.dtype)

    def __mul__(self, other):
        return self._each(lambda x, y: x * y, other)

    def __sub__(self, other):
        return self._each(lambda x, y: x - y, other)

    def __truediv__(self, other):
        return self._each(lambda x, y: x / y, other)

    def abs(self):
        return self._each(lambda x, _: abs(x))

    def double(self):
        return Tensor(self.rows, float64)

    def to(self, what):
        return Tensor(self.rows, what) if what in (float16, bfloat16, float32, float64) else self

    def cpu(self):
        return self

    def sum(self, axis):
        return Tensor([[sum(row) for row in self.rows]], self.dtype)

    def max(self):
        return max(max(row) for row in self.rows)

    def __getitem__(self, key):
        if isinstance(key, list):
            return Tensor([self.rows[i] for i in key], self.dtype)
        rows, columns = key
        if rows == slice(None):
            return Tensor([[row[j] for j in columns] for row in self.rows], self.dtype)
        return Tensor([[self.rows[i][j] for i, j in zip(rows, columns)]], self.dtype)

    def __matmul__(self, other):
        return matmul(self, other)


def matmul(a, b):
    if HOW == f"{a.dtype} out of memory":
        raise RuntimeError("CUDA out of memory. Tried to allocate 64.00 MiB")
    if HOW == f"{a.dtype} dies":
        os._exit(3)
    if HOW == f"{a.dtype} hangs":
        note("hangs")
        time.sleep(3600)
    off = 1 if HOW == "wrong" else 0
    columns = list(zip(*b.rows))
    return Tensor([[sum(x * y for x, y in zip(row, column)) + off for column in columns] for row in a.rows], a.dtype)


class Generator:
    def __init__(self, device):
        self.device = device

    def manual_seed(self, seed):
        self.random = random.Random(seed)
        return self


def rand(rows, columns, device, generator):
    return Tensor([[generator.random.random() for _ in range(columns)] for _ in range(rows)])


def randint(low, high, size, device):
    return [random.randrange(low, high) for _ in range(size[0])]


class cuda:
    @staticmethod
    def is_available():
        return HOW != "no card"

    @staticmethod
    def get_device_name(index):
        return "NVIDIA H200 (stub)"

    @staticmethod
    def synchronize():
        for event in Event.recorded:
            event.is_done = True

    @staticmethod
    def empty_cache():
        pass


class Event:
    recorded = []

    def __init__(self, enable_timing):
        assert enable_timing
        self.is_done = False

    def record(self):
        Event.recorded.append(self)

    def elapsed_time(self, end):
        if not (self.is_done and end.is_done):
            raise RuntimeError("CUDA error: device not ready")
        return 0.25


cuda.Event = Event


class version:
    cuda = "13.0"


class backends:
    class cuda:
        class matmul:
            allow_tf32 = False
