"""What might make small batches faster: each against the plain step of the same process, with the loss that it gives.

Experiments: a trick that fails is a row that says so. Those that can break the process stand last.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import drawn
import timing
import torch
import whole_step
from device import on_cpu
from report import gib, row, tried, value
from whole_step import Whole

STEPS = 8


def all_of_them(model: str = "sdxl", count: int = 1) -> None:
    """The plain step and every trick."""
    with whole_step.loaded(drawn.load(model)) as host:
        with whole_step.attached(host, model, count) as whole:
            loss = whole_step.passes(whole, model, count)().item()
            plain = _measured(whole.step)
        value("tricks.plain", plain)
        row("plain step", f"{plain:.4f} s", "1.00", f"loss {loss:.6f}")
        for label, trick in TRICKS.items():
            timing.fresh()
            if label == GRAPH and on_cpu():
                row(label, "left out: needs a card")
                continue
            with whole_step.attached(host, model, count) as whole:
                tried(label, partial(_one, label, trick, whole, (model, count), plain, loss))


def _one(label: str, trick: Any, whole: Whole, what: tuple[str, int], plain: float, loss: float) -> None:
    with trick(whole, *what) as (step, passes):
        seen = passes().item()
        whole.optimizer.zero_grad(set_to_none=True)
        seconds = _measured(step)
        row(
            label,
            f"{seconds:.4f} s",
            f"{seconds / plain:.2f} of plain",
            f"loss {seen:.6f}, apart {abs(seen - loss) / abs(loss):.1e}",
        )


def _measured(step: Callable[[int], Any]) -> float:
    for number in range(3):
        step(number)
    return timing.running(step, STEPS)


Trick = Iterator[tuple[Callable[[int], Any], Callable[[], torch.Tensor]]]
"""A context in which (step n, the passes alone) are as the trick makes them."""


@contextlib.contextmanager
def adamw(whole: Whole, model: str, count: int, **how: Any) -> Trick:
    """torch's AdamW in the form that `how` names, in the place of ours."""
    passes = whole_step.passes(whole, model, count)
    parameters = [p for group in whole.optimizer.param_groups for p in group["params"]]
    chosen = torch.optim.AdamW(parameters, lr=1e-4, **how)

    def step(_: int) -> None:
        chosen.zero_grad(set_to_none=True)
        passes()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        chosen.step()

    yield step, passes


@contextlib.contextmanager
def channels_last(whole: Whole, model: str, count: int) -> Trick:
    """Convolutions with the channels innermost."""
    module = whole.host.diffusion_model
    inner = module.forward

    def forward(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return inner(x.contiguous(memory_format=torch.channels_last), *args, **kwargs)

    module.to(memory_format=torch.channels_last)
    try:
        with mock.patch.object(module, "forward", forward):
            yield whole.step, whole_step.passes(whole, model, count)
    finally:
        module.to(memory_format=torch.contiguous_format)


@contextlib.contextmanager
def cudnn_benchmark(whole: Whole, model: str, count: int) -> Trick:
    """cuDNN tries its kernels for each shape."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield whole.step, whole_step.passes(whole, model, count)
    finally:
        torch.backends.cudnn.benchmark = before


@contextlib.contextmanager
def compiled(whole: Whole, model: str, count: int, mode: str = "default") -> Trick:
    """The model's blocks compiled as torch_compile does it, but in another mode of torch.compile."""
    compile_ = torch.compile

    def in_mode(forward: Any, *, backend: Any = None, **options: Any) -> Any:
        return compile_(forward, mode=mode, **options)

    with mock.patch.object(torch, "compile", in_mode), whole_step.compiled_blocks(whole.host) as found:
        yield whole.step, whole_step.passes(whole, model, count)
        if found.reason:
            row("they ran as usual", found.reason)


@contextlib.contextmanager
def graph(whole: Whole, model: str, count: int) -> Trick:
    """Forward and backward recorded once and replayed; clipping and update as usual."""
    passes = whole_step.passes(whole, model, count)
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            whole.optimizer.zero_grad(set_to_none=True)
            passes()
    torch.cuda.current_stream().wait_stream(aside)
    whole.optimizer.zero_grad(set_to_none=True)
    recorded = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recorded):
        loss = passes()
    parameters = [p for group in whole.optimizer.param_groups for p in group["params"]]
    gradients = [p.grad for p in parameters]

    def replayed() -> torch.Tensor:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient  # of the graph's own memory, which every replay writes anew
        recorded.replay()
        return loss

    def step(_: int) -> None:
        replayed()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        whole.optimizer.step()

    replays = timing.running(lambda _: replayed(), STEPS)
    row("passes alone", f"replayed {replays:.4f} s")
    yield step, replayed


GRAPH = "CUDA graph of forward and backward"
TRICKS = {
    "AdamW, fused": partial(adamw, fused=True),
    "AdamW, foreach": partial(adamw, foreach=True),
    "AdamW, one by one": partial(adamw, foreach=False),
    "cudnn.benchmark": cudnn_benchmark,
    "channels_last": channels_last,
    "blocks compiled, reduce-overhead": partial(compiled, mode="reduce-overhead"),
    GRAPH: graph,
}


def tf32(model: str = "sdxl", count: int = 1) -> None:
    """Training in float32 (mixed_precision no), with and without TF32 in products and convolutions."""
    made, losses = drawn.load(model, torch.float32), []
    for on in (False, True):
        before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = on
        try:
            timing.fresh()
            with whole_step.trained(made, model, count, how={"precision": "no"}) as whole:
                losses.append(whole_step.passes(whole, model, count)().item())
                seconds = _measured(whole.step)
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
        value(f"tf32.{'on' if on else 'off'}", seconds)
        row(
            f"{model} batch {count}, float32, TF32 {'on' if on else 'off'}",
            f"{seconds:.4f} s",
            f"loss {losses[-1]:.6f}",
            gib(timing.peak()),
        )
