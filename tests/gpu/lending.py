"""The host's hand on the weights in mid-run: pages that are locked in main memory, a part of the model taken off the card."""

from __future__ import annotations

import drawn
import torch
import whole_step
from device import on_cpu
from report import row, tried


def weights(model: str, count: int) -> None:
    """Locked pages are as many as asked for and none afterwards; steps are the same after the model was partly unloaded."""
    made = drawn.load(model)
    if not on_cpu():  # where the graph's weights lie, unless the server was started with --gpu-only
        made.model.to("cpu")
    tried("locked pages", lambda: _locked(made, model, count))
    tried("partly unloaded", lambda: _unloaded(made, model, count))


def _locked(made: object, model: str, count: int) -> None:
    import comfy.model_management as mm

    before = mm.TOTAL_PINNED_MEMORY
    with whole_step.trained(made, model, count, how={"blocks_to_swap": 2 if on_cpu() else 10}) as whole:
        layers = [layer for layer in whole.host.diffusion_model.modules() if "_athanor_home" in layer.__dict__]
        away = [value for layer in layers for value in layer.__dict__["_athanor_home"].values() if value is not None]
        locked = mm.TOTAL_PINNED_MEMORY - before
        whole.step(0)
    row(
        "weights of swapped blocks",
        f"{sum(value.nbytes for value in away) / 2**20:.0f} MiB",
        f"locked {locked / 2**20:.0f} MiB",
        f"afterwards {(mm.TOTAL_PINNED_MEMORY - before) / 2**20:.0f} MiB",
    )


def _unloaded(made: object, model: str, count: int) -> None:
    import comfy.model_management as mm

    before = mm.TOTAL_PINNED_MEMORY
    with whole_step.trained(made, model, count, rate=0.0) as whole:
        wanted, patcher = whole.loss(0), whole.host.patcher
        freed = patcher.partially_unload(torch.device("cpu"), patcher.model_size() / 2)
        whole.host.load()
        seen = whole.loss(0)
    row(
        "loss after the model was partly unloaded",
        "EQUAL" if seen == wanted else f"apart {abs(seen - wanted) / abs(wanted):.1e}",
        f"{freed / 2**20:.0f} MiB were taken off",
        f"locked afterwards {(mm.TOTAL_PINNED_MEMORY - before) / 2**20:.0f} MiB",
    )
