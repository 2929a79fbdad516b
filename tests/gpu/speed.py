"""A training step by its parts: time, share of the matrix rate, waits, kernels, memory; and what settings change of it."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import drawn
import profiled
import timing
import torch
import whole_step
from card import matrix_rate
from device import on_cpu
from report import gib, row, tried, value


def step(model: str, count: int, steps: int = 8, suffix: str = "") -> None:
    """`model` and `count` name the numbers: sdxl-4.seconds, .bare, .peak; `suffix` goes behind."""
    rate, name = matrix_rate(), f"{model}-{count}{suffix}"
    with whole_step.loaded(drawn.load(model)) as host:
        tried(name, lambda: _step(host, model, count, steps, name, rate))
        if model == "flux":  # of which there are published numbers
            timing.fresh()
            with whole_step.attached(host, "flux-512", 1) as whole:
                _measured("flux-512", whole.step, steps)


def _step(host: Any, model: str, count: int, steps: int, name: str, rate: float) -> None:
    plain = whole_step.bare(host, model, count)
    plain()
    bare = timing.running(lambda _: plain(), steps)
    value(f"{name}.bare", bare)
    with whole_step.attached(host, model, count) as whole:
        seconds, layers = _measured(name, whole.step, steps), len(whole.network.loras)
        row("bare forward + backward", f"{bare:.4f} s", f"step / bare {seconds / bare:.2f}", f"{layers} layers")
        if not on_cpu():
            used = drawn.kind(model).tflop * 1e12 * count / seconds / rate
            told = timing.told(lambda: whole.step(0), steps)
            row("of the matrix rate", f"{used:.2f}", "CPU has told all after", f"{told:.4f} s")
            _waits(whole.step)
            profiled.kernels(f"{model} batch {count}", whole.step, seconds)
        if count == 1:
            with host.checkpointed("all"):
                _measured(f"{name}-all", whole.step, steps)
    with whole_step.attached(host, model, count, exact=True) as whole:
        exact = _measured(f"{name}-exact", whole.step, steps)
        row("deterministic on / off (auto takes it up to 1.10)", f"{exact / seconds:.2f}")


def _measured(name: str, step: Any, steps: int) -> float:
    """Time, pictures per second and peak of steps that follow at once, said as a row and as numbers; seconds of a step."""
    for number in range(2):
        step(number)
    timing.fresh()
    step(2)
    seconds, count = timing.running(step, steps), len(step(3).losses)
    value(f"{name}.seconds", seconds)
    value(f"{name}.peak", timing.peak())
    row(name, "s a step", f"{seconds:.4f}", "img/s", f"{count / seconds:.2f}", "peak", gib(timing.peak()))
    return seconds


def _waits(step: Any) -> None:
    """Where the CPU waits for the card within a step."""
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        step(99)
    torch.cuda.set_sync_debug_mode("default")
    places = Counter(f"{Path(w.filename).name}:{w.lineno}" for w in seen if "synchroniz" in str(w.message))
    row("waits in a step", sum(places.values()), dict(places))


WAYS = {
    "off": {},
    "part": {"how": {"checkpointing": "part"}},
    "all": {"how": {"checkpointing": "all"}},
    "10 blocks swapped": {"how": {"blocks_to_swap": 10}},
    "lokr": {"network": {"algo": "lokr"}},
    "loha": {"network": {"algo": "loha"}},
    "full": {"network": {"algo": "full"}},
    "dora": {"network": {"dora": True}},
}


def settings(model: str, count: int) -> None:
    """Memory settings and networks against the plain step: time, peak, and the loss they give."""
    made, base = drawn.load(model), 0.0

    def one(label: str, how: dict[str, Any] | None = None, network: dict[str, Any] | None = None) -> None:
        nonlocal base
        timing.fresh()
        if on_cpu() and how and "blocks_to_swap" in how:
            how = {"blocks_to_swap": 2}
        with whole_step.trained(made, model, count, how=how, network=network) as whole:
            whole.step(0)
            timing.fresh()
            seconds, loss = timing.running(whole.step, 4), whole.loss(50)
            base = base or seconds
            row(
                f"{model} batch {count}, {label}",
                f"{seconds:.4f} s",
                f"{seconds / base:.2f} of off",
                gib(timing.peak()),
                f"loss {loss:.4f}",
            )

    for label, values in WAYS.items():
        tried(label, partial(one, label, **values))


def compiled(model: str, count: int) -> None:
    """torch_compile: seconds until the first step is done, a step after it, peak; loss and gradient beside the plain ones."""
    made = drawn.load(model)
    for on in (False, True):
        timing.fresh()
        with whole_step.trained(made, model, count, how={"torch_compile": on}) as whole:
            start = time.perf_counter()
            outcome = whole.step(0)
            loss, norm = outcome.losses.mean().item(), outcome.grad_norm.item()
            first = time.perf_counter() - start
            row(
                "compiled" if on else "plain",
                f"first step {first:.1f} s",
                f"loss {loss:.6f}",
                f"gradient {norm:.5g}",
                list(whole.host.warnings()) or "",
            )
            _measured(f"{model}-{count}-{'compiled' if on else 'plain'}", whole.step, 5)
