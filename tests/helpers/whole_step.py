"""A training step as a run puts it together: the pack's own parts that benchmarks and tests/gpu measure, all named here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import drawn
import torch
from device import on_cpu

RANK = 16
RATE = 1e-4


@dataclass(frozen=True)
class Whole:
    """A network on a loaded model, ready to be trained."""

    host: Any  # Trainable
    network: Any
    optimizer: torch.optim.Optimizer
    step: Callable[[int], Any]  # collate, noise, forward, backward, clip, update of step n; returns its Outcome

    def loss(self, number: int) -> float:
        """Makes a step; the mean of its losses."""
        return self.step(number).losses.mean().item()


@contextmanager
def loaded(
    model: Any, precision: str = "", checkpointing: str = "off", blocks_to_swap: int = 0, torch_compile: bool = False
) -> Iterator[Any]:
    """A MODEL as it is trained: `trainable`. `precision`: mixed_precision, empty: auto on a card and no on a CPU."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable

    with (
        guard.training(),
        trainable(
            model,
            precision or ("no" if on_cpu() else "auto"),
            gradient_checkpointing=checkpointing,
            blocks_to_swap=blocks_to_swap,
            torch_compile=torch_compile,
        ) as host,
    ):
        yield host


@contextmanager
def attached(
    host: Any,
    name: str,
    count: int,
    network: Mapping[str, Any] | None = None,
    optimizer: str = "AdamW",
    split: Any = None,
    rate: float = RATE,
    exact: bool = False,
) -> Iterator[Whole]:
    """A network on a loaded model of kind `name`, and steps of `count` pictures that are always the same.

    Args:
        network: fields of NetworkSettings.
        split: what is done when memory runs out (`run.oom_splitter.OomSplitter`).
        rate: the learning rate; with 0 every step n has the same losses.
        exact: deterministic algorithms alone, as with the setting deterministic on.
    """
    from athanor.training_core.network import build, groups
    from athanor.training_core.optim import optimizers
    from athanor.training_core.run.deterministic import DeterministicMode
    from athanor.training_core.run.step import Stepper
    from athanor.training_core.settings import NetworkSettings, OptimizerSettings

    settings, batch = NetworkSettings(**({"rank": RANK} | dict(network or {}))), drawn.inputs(name, count)
    with build.attached([build.Part(host.diffusion_model)], settings, 0, host.device) as made:
        chosen = optimizers.choose(OptimizerSettings(optimizer_type=optimizer)).build(
            groups.parameter_groups(made, settings, rate)
        )
        scaler = torch.amp.GradScaler(host.device.type, enabled=host.compute_dtype == torch.float16)
        stepper = Stepper(
            predict=host.predict,
            objective=objective(host),
            network=made,
            optimizer=chosen,
            max_grad_norm=1.0,
            seed=0,
            scaler=scaler,
            splitter=split,
            around=lambda: made.formed(host.compute_dtype),
            deterministic=DeterministicMode("on", exact, host.device),
        )
        yield Whole(host, made, chosen, lambda n: stepper(n, rate, [host.batch(*batch, [1.0] * count)]))


@contextmanager
def trained(model: Any, name: str, count: int, *, how: Mapping[str, Any] | None = None, **what: Any) -> Iterator[Whole]:
    """Both: `how` it is `loaded`, `what` is `attached`."""
    with loaded(model, **(how or {})) as host, attached(host, name, count, **what) as whole:
        yield whole


def splitter() -> Any:
    """What is done when memory runs out in a step, as a run does it."""
    from athanor.training_core.host import devices
    from athanor.training_core.run.oom_splitter import OomSplitter

    return OomSplitter(free=devices.free_memory, is_full=devices.is_out_of_memory)


def compiled_blocks(host: Any) -> AbstractContextManager[Any]:
    """The blocks of a loaded model compiled as torch_compile does it."""
    from athanor.training_core.host import compiled

    return compiled.compiled(host.diffusion_model)


def objective(host: Any) -> Any:
    """Plain noise and l2 loss for a loaded model."""
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    return Objective(LossSettings(), NoiseSettings(), host.schedule)


def bare(host: Any, name: str, count: int) -> Callable[[], None]:
    """Forward and backward to the input alone, of whatever is on the model."""
    ready = host.batch(*drawn.inputs(name, count), [1.0] * count)
    x = objective(host).prepare(ready.latents, 0, 0)

    def step() -> None:
        noisy = type(x)(x.x.clone().requires_grad_(True), x.sigma, x.t, x.target)
        host.predict(noisy, ready).square().mean().backward()

    return step


def passes(whole: Whole, name: str, count: int) -> Callable[[], torch.Tensor]:
    """Forward and backward of a step, always with the same noise; its loss, on the device. Nothing but gradients is changed."""
    target, host = objective(whole.host), whole.host
    ready = host.batch(*drawn.inputs(name, count), [1.0] * count)
    x = target.prepare(ready.latents, 0, 0)

    def step() -> torch.Tensor:
        with whole.network.formed(host.compute_dtype):
            loss = target.losses(host.predict(x, ready), x).mean()
            loss.backward()
        return loss.detach()

    return step
