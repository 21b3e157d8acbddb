# PyTorch's products for the check-up of a card: python3 torch_gemm.py, then one request per line. See serve.py. Times by
# CUDA events after 200 ms of warm-up, where there is a card.
import time

from serve import median, serve

WARM_UP_S = 0.2
RUNS = 10
TRIED = 64


def library():
    import torch

    return torch


def device(torch):
    return "cuda" if torch.cuda.is_available() else "cpu"


def operands(torch, m, k, n, dtype, where):
    generator = torch.Generator(device=where).manual_seed(1)
    make = lambda rows, columns: (torch.rand(rows, columns, device=where, generator=generator) * 2 - 1).to(dtype)
    return make(m, k), make(k, n)


def worst_error(torch, a, b, c):
    """The largest |C - reference| / (|A| |B|) of 64 entries, the reference in float64."""
    rows = torch.randint(0, a.shape[0], (TRIED,), device=a.device)
    columns = torch.randint(0, b.shape[1], (TRIED,), device=a.device)
    terms = a[rows].double() * b[:, columns].T.double()
    return float(((c[rows, columns].double() - terms.sum(1)).abs() / terms.abs().sum(1)).max())


def times_by_events(torch, run):
    deadline = time.perf_counter() + WARM_UP_S
    while time.perf_counter() < deadline:
        run()
        torch.cuda.synchronize()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(RUNS)]
    for begin, end in events:
        begin.record()
        run()
        end.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) for begin, end in events]


def times_by_clock(run):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def times_whole(torch, a, b, where):
    """From operands on the host to the product on the host."""
    on_host = a.cpu(), b.cpu()

    def run():
        (on_host[0].to(where) @ on_host[1].to(where)).cpu()

    run()
    return times_by_clock(run)


def gemm(request):
    torch = library()
    where = request.get("device", device(torch))
    m, k, n = request["shape"]
    torch.backends.cuda.matmul.allow_tf32 = request.get("tf32", False)
    a, b = operands(torch, m, k, n, getattr(torch, request["dtype"]), where)
    error = worst_error(torch, a, b, a @ b)
    run = lambda: torch.matmul(a, b)
    times = times_by_events(torch, run) if where == "cuda" else times_by_clock(run)
    whole = {"wholeMs": min(times_whole(torch, a, b, where))} if request.get("whole") else {}
    del a, b
    if where == "cuda":
        torch.cuda.empty_cache()
    return {"value": {"ms": min(times), "medianMs": median(times), "runs": len(times), "error": error, **whole}}


def config(_):
    torch = library()
    where = device(torch)
    name = torch.cuda.get_device_name(0) if where == "cuda" else "cpu"
    devices = ["cpu", "cuda"] if where == "cuda" else ["cpu"]
    found = {"version": torch.__version__, "device": where, "devices": devices, "name": name}
    return {"value": {**found, "cuda": torch.version.cuda}}


serve({"gemm": gemm, "config": config})
