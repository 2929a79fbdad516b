"""What gradient checkpointing saves and costs, by its steps.

python dev.py test tests/benchmarks/bench_checkpointing.py -s
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host"))
pytestmark = pytest.mark.usefixtures("comfy")

MODELS = (("sd15", 64), ("sdxl", 64), ("flux_dev", 64))
"""Family, side of the latents."""


def test_memory_and_time(capsys):
    import torch
    from one_step import step, training
    from test_families import CASES, load, samples

    torch.set_num_threads(1)
    rows = ["| model | blocks | kept for backward, MB | of off | time, of off |", "|---|---|---|---|---|"]
    for name, side in MODELS:
        model, case = load(name), CASES[name]
        _, texts, geometry = samples(case)
        latents = torch.randn(2, case.channels, side, side)
        seen = {}
        for how in ("off", "part", "all"):
            with training(model, gradient_checkpointing=how) as (host_model, network):
                times = []
                for _ in range(4):
                    start = time.perf_counter()
                    kept = step(host_model, network, latents, texts, geometry).kept
                    times.append(time.perf_counter() - start)
                seen[how] = kept, statistics.median(times[1:])
            memory, seconds = seen[how][0] / seen["off"][0], seen[how][1] / seen["off"][1]
            rows.append(f"| {name} {side}x{side} | {how} | {kept / 2**20:.0f} | {memory:.2f} | {seconds:.2f} |")
        assert seen["all"][0] < seen["part"][0] < seen["off"][0]
    with capsys.disabled():
        print("\n" + "\n".join(rows))
