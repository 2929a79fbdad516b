"""Every optimizer by name takes steps here, and its state survives being packed."""

from __future__ import annotations

from functools import partial

import timing
import torch
from device import on_cpu
from report import row, tried

PAGED = "Paged"
"""They use managed memory, which can hang a card: left out."""


def all_of_them() -> None:
    """Failures by name; the others are counted."""
    from athanor.training_core.optim import names

    here = [name for name in names.CLASSES if not name.startswith(PAGED)]
    fine = [name for name in here if tried(f"optimizer {name}", partial(_one, name))]
    row("optimizers that step, pack and unpack", len(fine), ", ".join(fine))


def _one(name: str) -> None:
    from athanor.training_core.optim import optimizer_state, optimizers
    from athanor.training_core.settings import OptimizerSettings

    where = "cpu" if on_cpu() else "cuda"
    weights = [torch.nn.Parameter(torch.randn(shape, device=where)) for shape in ((128, 128), (64,))]
    settings = OptimizerSettings(optimizer_type=name, learning_rate=1e-3)
    made = optimizers.choose(settings).build([{"params": weights, "lr_scale": 1.0}])
    for number in range(3):
        if number == 2:
            optimizer_state.unpack(made, *optimizer_state.pack(made))
        for weight in weights:
            weight.grad = torch.full_like(weight, 1e-3 * (number + 1))
        made.step()
    timing.sync()
    if not all(torch.isfinite(weight).all() for weight in weights):
        raise ArithmeticError("weights are not finite after three steps")
