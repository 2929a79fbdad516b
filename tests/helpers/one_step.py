"""One forward and backward through a model of any family: loss, gradients, and what was kept in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import saved
import torch


@dataclass(frozen=True)
class Step:
    loss: float
    gradients: dict[str, torch.Tensor]
    kept: int  # bytes for backward

    def differs_from(self, other: Step) -> float:
        """The largest difference of losses and gradients, as a part of the largest value of each."""
        assert self.gradients.keys() == other.gradients.keys()
        parts = [abs(self.loss - other.loss) / abs(self.loss)]
        for name, mine in self.gradients.items():
            parts.append(((mine - other.gradients[name]).abs().max() / mine.abs().max().clamp_min(1e-12)).item())
        return max(parts)


@contextmanager
def attached(
    model: Any, network: Any, precision: str = "auto", dtype: torch.dtype = torch.float32, **options: Any
) -> Iterator[tuple[Any, Any]]:
    """(Trainable, network) for a MODEL and NetworkSettings; `options` are those of `trainable`."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build

    with (
        guard.training(),
        trainable(model, precision, **options) as host_model,
        build.attached([build.Part(host_model.diffusion_model)], network, 0, host_model.device, dtype) as made,
    ):
        yield host_model, made


@contextmanager
def training(
    model: Any, network: Any = None, precision: str = "auto", dtype: torch.dtype = torch.float32, **options: Any
) -> Iterator[tuple[Any, Any]]:
    """As `attached`, and all of the network's weights are given values."""
    from athanor.training_core.settings import NetworkSettings

    with attached(model, network or NetworkSettings(rank=2), precision, dtype, **options) as (host_model, made):
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for value in made.parameters():  # those that start at zero would leave other gradients zero
                value += 0.02 * torch.randn(value.shape, generator=generator).to(value)
        yield host_model, made


def step(host_model: Any, network: Any, latents: torch.Tensor, texts: list[Any], geometry: list[Any]) -> Step:
    """Loss and gradients of a batch with noise that is always the same."""
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
    batch = host_model.batch(latents, texts, geometry, [1.0] * len(latents))
    x = objective.prepare(batch.latents, 0, 0, 0)
    network.zero_grad()
    with saved.counted(host_model.diffusion_model, network) as kept:
        loss = objective.losses(host_model.predict(x, batch), x).mean()
    loss.backward()
    found = {name: p.grad.float().clone() for name, p in network.named_parameters() if p.grad is not None}
    return Step(loss.item(), found, kept.bytes)
