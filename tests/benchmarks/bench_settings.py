"""What memory settings save and cost: gradient checkpointing by its steps, weights that are cast again, swapped blocks.

python dev.py test tests/benchmarks/bench_settings.py -s
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))
pytestmark = pytest.mark.usefixtures("comfy")

ROUNDS = int(os.environ.get("ATHANOR_BENCH_ROUNDS", "5"))
MODELS = (("sd15", 32), ("sdxl", 32), ("flux_dev", 32))
"""Family, side of the latents; narrow models with all of their blocks."""


def measured(model, name: str, side: int, rounds: int = ROUNDS, **options) -> tuple[int, float]:
    """(bytes kept for the backward pass, median seconds of a forward and backward pass), batch 2; processor time on a CPU."""
    import torch
    from family_cases import CASES, samples
    from one_step import step, training
    from timing import clock

    torch.set_num_threads(1)
    _, texts, geometry = samples(CASES[name])
    latents, times = torch.randn(2, CASES[name].channels, side, side), []
    with training(model, **options) as (host_model, network):
        for _ in range(1 + rounds):
            start = clock()
            kept = step(host_model, network, latents, texts, geometry).kept
            times.append(clock() - start)
    return kept, statistics.median(times[1:])


def test_checkpointing(capsys):
    from family_cases import load

    rows = [
        "| model | blocks computed twice | kept for backward, MB | of off | time, of off |",
        "|---|---|---|---|---|",
    ]
    for name, side in MODELS:
        model, seen = load(name), {}
        for how in ("off", "part", "all"):
            seen[how] = kept, seconds = measured(model, name, side, gradient_checkpointing=how)
            parts = kept / seen["off"][0], seconds / seen["off"][1]
            rows.append(f"| {name} {side}x{side} | {how} | {kept / 2**20:.0f} | {parts[0]:.2f} | {parts[1]:.2f} |")
        assert seen["all"][0] < seen["part"][0] < seen["off"][0]
    with capsys.disabled():
        print("\n" + "\n".join(rows))


def test_weights_of_8_bits(capsys, monkeypatch):
    """An fp8 base: kept beside the activations are the casts of all weights, unless they are cast again."""
    import quantised
    from athanor.training_core.host import frozen

    rows = ["| fp8 base | kept for backward, MB | of it casts, MB | time, of cast once |", "|---|---|---|---|"]
    plain = frozen.recompute_weights
    for name, side in (("sdxl", 16), ("flux_dev", 16)):
        model, seen = quantised.fp8(name), {}
        for again in (False, True):
            monkeypatch.setattr(frozen, "recompute_weights", plain if again else lambda model: contextlib.nullcontext())
            seen[again] = measured(model, name, side)
        for again in (False, True):
            casts = max(0, seen[again][0] - seen[True][0]) / 2**20
            ratio = seen[again][1] / seen[False][1]
            words = "cast again" if again else "cast once"
            rows.append(f"| {name} {side}x{side}, {words} | {seen[again][0] / 2**20:.0f} | {casts:.0f} | {ratio:.2f} |")
        assert seen[True][0] < seen[False][0]
    with capsys.disabled():
        print("\n" + "\n".join(rows))


def test_swap(capsys):
    """Weights that stay on the device, and the time of the copies where nothing hides them."""
    import torch
    from athanor.training_core.host import swap
    from family_cases import load

    rows = ["| blocks swapped | weights on the device at most, MB | of none | time, of none |", "|---|---|---|---|"]
    model = load("flux_dev")
    module = model.model.diffusion_model
    whole = sum(p.numel() * p.element_size() for p in module.parameters())
    base = 0.0
    for count in (0, 1, 2, 3, 4):
        here = whole
        if count:
            with swap.swapped(module, count, torch.device("cpu")) as swapped:
                for index in range(count):
                    swapped.fetch(index, swapped._blocks[index][0])
                here = swapped.resident + sum(p.numel() * p.element_size() for p in module.parameters())
        _, seconds = measured(model, "flux_dev", 16, blocks_to_swap=count)
        base = base or seconds
        rows.append(f"| {count} of 4 | {here / 2**20:.1f} | {here / whole:.2f} | {seconds / base:.2f} |")
    with capsys.disabled():
        print("\n" + "\n".join(rows))
