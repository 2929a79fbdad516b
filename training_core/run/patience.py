"""Patience on the probe: the run ends by itself where it does not become better any more, and its file is that of the best step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..data.holdout import ProbePlan
from ..history import patience
from ..history.events import Probed
from ..optim.averaging import Ema, WeightsContext, eval_mode
from ..resume.progress import RunProgress
from ..settings import ValidationSettings
from ..wording import plural


@dataclass(frozen=True, slots=True)
class Best:
    """The trained weights as the lowest measurement of the probe has seen them, on the CPU."""

    step: int
    weights: Mapping[str, torch.Tensor]
    means: tuple[torch.Tensor, ...]  # of the running mean (ema_decay); none without one


class Patience:
    """Follows the probe of a run; without patience it keeps nothing and never ends one."""

    def __init__(self, allowed: int = 0, module: torch.nn.Module | None = None, ema: Ema | None = None) -> None:
        """Follow from the first measurement on.

        Args:
            allowed: measurements without an improvement after which the run ends; 0 = none does.
            module: what is trained.
            ema: the running mean of it.
        """
        self.allowed, self._module, self._ema = allowed, module, ema
        self.over = False  # whether the run is to end; told to all its processes
        self.looks: list[tuple[int, float]] = []
        self.best: Best | None = None

    def see(self, look: Probed, eval_weights: WeightsContext) -> None:
        """Take note of a measurement, and keep the weights if it is the lowest."""
        if not self.allowed or self._module is None:
            return
        self.looks = [each for each in self.looks if each[0] < look.step]  # one that was interrupted is done again
        self.looks.append((look.step, look.percent))
        found = patience.best(self.looks)
        if found and found[0] == look.step:
            with eval_mode(self._module, eval_weights):
                weights = {name: _copy(weight) for name, weight in self._module.named_parameters()}
            means = self._ema.state_dict()["means"] if self._ema else ()
            self.best = Best(look.step, weights, tuple(means))
        self.over = patience.over(self.looks, self.allowed)

    @contextmanager
    def best_weights(self, progress: RunProgress) -> Iterator[RunProgress]:
        """Inside, what is trained has the best weights, as they were looked at; gives how far the run was then."""
        best, module = self.best, self._module
        if best is None or module is None:
            raise RuntimeError("there is no best step")
        last = {name: _copy(weight) for name, weight in module.named_parameters()}
        mean = self._ema.state_dict() if self._ema else None
        try:
            _put(module, best.weights)
            if self._ema and mean:
                self._ema.load_state_dict({**mean, "means": list(best.means)})
            yield replace(progress, step=best.step, pending=[])
        finally:
            _put(module, last)
            if self._ema and mean:
                self._ema.load_state_dict(mean)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the best weights for a run's state, by name."""
        if self.best is None:
            return {}
        means = {f"mean.{i}": mean for i, mean in enumerate(self.best.means)}
        return {f"weight.{name}": weight for name, weight in self.best.weights.items()} | means

    def plain(self) -> dict[str, Any]:
        """Return the rest of it, as JSON takes it; empty without patience."""
        step = None if self.best is None else self.best.step
        return {"looks": self.looks, "best": step} if self.allowed else {}

    def restore(self, plain: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `plain` and `tensors` gave; without patience, what an earlier run had is not looked at.

        Raises:
            LookupError: a part of them is missing.
        """
        if not self.allowed or not plain:
            return
        self.looks = [(step, float("nan") if percent is None else percent) for step, percent in plain["looks"]]
        if plain["best"] is not None:
            weights = {name.removeprefix("weight."): t for name, t in tensors.items() if name.startswith("weight.")}
            means = tuple(tensors[f"mean.{i}"] for i in range(sum(name.startswith("mean.") for name in tensors)))
            self.best = Best(plain["best"], weights, means)
        self.over = patience.over(self.looks, self.allowed)

    def why(self, steps: int) -> str:
        """Return why the run ended and what its file is, in sentences; '' without patience, and in a process that does not look."""
        found = patience.best(self.looks)
        if not self.looks:
            return ""
        if self.over:
            return patience.sentence(self.looks, self.allowed, steps)
        return patience.kept(found) if found and found[0] != self.looks[-1][0] else ""


def _copy(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().to("cpu", copy=True).contiguous()


def _put(module: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(weights[name])


def about(settings: ValidationSettings, plan: ProbePlan, label: str, steps: int) -> list[str]:
    """Return what the user should know of patience in a run of so many steps: that it has no effect, or less than it seems.

    Args:
        label: which pictures the probe measures.
    """
    if not settings.patience:
        return []
    if not plan.samples:
        return ["patience has no effect without a probe: set probe_samples of Validation Config to 8."]
    told, looks = [], -(-steps // plan.every)
    if looks <= settings.patience:
        told.append(
            f"patience {settings.patience} never ends this run, whose probe is measured {plural(looks, 'time')} after its start: lower it, "
            "or set validate_every_n_steps to a smaller number."
        )
    if not label.startswith("held-out"):
        told.append(
            "patience watches training pictures, whose probe does not rise where the LoRA overfits: set validation_split to 0.1 or so."
        )
    return told
