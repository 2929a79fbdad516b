"""What the machine can do: its ceilings, and the cost of telling the card one operation."""

from __future__ import annotations

import time

import timing
import torch
from device import on_cpu
from report import row, value


def matrix_rate(size: int = 8192, count: int = 30) -> float:
    """FLOP/s of a large bf16 product; 1 on a CPU, where nobody asks."""
    if on_cpu():
        return 1.0
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(5):
        a @ b
    start = timing.clock()
    for _ in range(count):
        a @ b
    return count * 2 * size**3 / (timing.clock() - start)


def ceilings() -> None:
    """Matrix rate, copies, and whether a copy from pageable memory waits for what the card still computes."""
    rate = matrix_rate()
    value("card.matrix", rate)
    row("8192^3 bf16", f"{rate / 1e12:.0f} TFLOP/s")
    there = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    sources = {
        "copy on the card (read + written)": (torch.empty_like(there), 2),
        "from pinned memory": (torch.empty(2**28, dtype=torch.uint8, pin_memory=True), 1),
        "from pageable memory": (torch.empty(2**28, dtype=torch.uint8), 1),
    }
    for name, (source, times) in sources.items():
        target = there[: len(source)]
        seconds = timing.running(lambda _: target.copy_(source, non_blocking=True), 10)  # noqa: B023
        row(name, f"{times * len(source) / seconds / 1e9:.0f} GB/s")
    small = torch.ones(8, device="cuda")
    timing.sync()
    start = time.perf_counter()
    for _ in range(20000):
        small.add_(1)
    row("telling the card an operation", f"{(time.perf_counter() - start) / 20000 * 1e6:.1f} us")
    _pageable()


def _pageable() -> None:
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for size in (16_000, 2**20):
        source = torch.ones(size // 4)
        timing.sync()
        for _ in range(30):
            a @ a
        start = time.perf_counter()
        source.to("cuda", non_blocking=True)
        told = time.perf_counter() - start
        timing.sync()
        row(f"non_blocking copy of {size} pageable bytes behind 45 ms of work returns after", f"{told * 1e3:.2f} ms")
