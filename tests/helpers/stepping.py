"""A step on a device with little memory, without a host."""

from types import SimpleNamespace

import torch
from athanor.training_core.objective import Noised, Objective
from athanor.training_core.objective.schedule import Schedule
from athanor.training_core.run.oom_splitter import OomSplitter
from athanor.training_core.run.step import Stepper
from athanor.training_core.settings import LossSettings, NoiseSettings


class Plain:
    """An objective without noise: the target is twice the latent."""

    def prepare(self, x0, *key):
        ones = torch.ones(len(x0))
        return Noised(x0, ones, ones, 2 * x0)

    def losses(self, prediction, batch, mask=None):
        return (prediction - batch.target).square().flatten(1).mean(1)


def stepper(network, optimizer, predict, **more):
    """A Stepper of these; `more` says what is not the plain objective without clipping and without scaled gradients."""
    plain = {
        "objective": Plain(),
        "max_grad_norm": 0.0,
        "seed": 1,
        "scaler": torch.amp.GradScaler("cpu", enabled=False),
    }
    return Stepper(predict=predict, network=network, optimizer=optimizer, **plain | more)


class Device:
    """A layer on a device with room for so many samples; every sample's noise is looked at."""

    def __init__(self, room):
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.room, self.tried, self.freed = room, [], 0
        self.noisy, self.fail_at = [], None

    def predict(self, noised, batch):
        self.tried.append(len(noised.x))
        y = self.layer(noised.x)
        if len(noised.x) > self.room or len(self.tried) == self.fail_at:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.noisy.append((noised.x, noised.t, noised.sigma))
        return y

    def free(self):
        self.freed += 1

    def stepper(self, noise=None, scaled=False):
        objective = Objective(LossSettings(), noise or NoiseSettings(), Schedule("flow"))
        optimizer = torch.optim.AdamW(self.layer.parameters(), lr=0.1)
        self.split = OomSplitter(free=self.free, advice="Set batch_size to 1.")
        return stepper(
            self.layer,
            optimizer,
            self.predict,
            objective=objective,
            max_grad_norm=1.0,
            seed=7,
            scaler=torch.amp.GradScaler("cpu", enabled=scaled),
            splitter=self.split,
        )


def batch(latents, weights, mask):
    def part(some):
        return batch(latents[some], weights[some], mask if mask is None else mask[some])

    return SimpleNamespace(latents=latents, weights=weights, mask=mask, part=part)


def batches(*sizes, masked=False):
    generator = torch.Generator().manual_seed(3)
    result = []
    for n in sizes:
        mask = torch.rand(n, 1, 8, 8, generator=generator) if masked else None
        latents = torch.randn(n, 4, 8, 8, generator=generator)
        result.append(batch(latents, torch.rand(n, generator=generator), mask))
    return result
