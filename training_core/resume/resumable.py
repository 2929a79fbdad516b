"""Capture everything of a run that changes from step to step, and restore it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from .. import advice
from ..errors import AthanorError
from ..json_text import finite
from ..optim import optimizer_state
from ..optim.averaging import Ema
from .compute_plan import ComputePlan
from .progress import RunProgress
from .state import State


class ProbeState(Protocol):
    """The frozen probe, as far as it changes from step to step."""

    first: torch.Tensor | None  # losses of its first look, (samples,); None before it


class PatienceState(Protocol):
    """What is kept of the probe's best step, as far as it changes from step to step."""

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return weights by name; empty where nothing is kept."""
        ...

    def plain(self) -> Mapping[str, Any]:
        """Return the rest, as JSON takes it; empty without patience."""
        ...

    def restore(self, plain: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from what these two gave."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumable:
    """The objects of a run whose contents change from step to step, and which its state holds."""

    module: torch.nn.Module  # what is trained
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    ema: Ema | None
    probe: ProbeState
    patience: PatienceState | None = None
    plan: Callable[[], ComputePlan]  # how steps are computed now; it can change in mid-run
    finished_epochs: Callable[[int, int], int]  # steps, epochs that a state notes -> finished epochs

    def capture(self, progress: RunProgress) -> State:
        """Return a copy of everything on the CPU, as a state that can be written."""
        tensors, optimizer = optimizer_state.pack(self.optimizer)
        tensors = {f"optimizer.{name}": value for name, value in tensors.items()}
        for name, parameter in self.module.named_parameters():
            tensors[f"trained.{name}"] = parameter.detach().to("cpu", copy=True).contiguous()
        plain: dict[str, Any] = {
            "optimizer": optimizer,
            "scaler": self.scaler.state_dict(),
            "plan": self.plan().to_json(),
            "due": progress.due,
        }
        if self.ema:
            ema = self.ema.state_dict()
            plain["ema"] = ema["count"]
            tensors |= {f"ema.{i}": mean for i, mean in enumerate(ema["means"])}
        if self.probe.first is not None:
            tensors["probe"] = self.probe.first.to("cpu", copy=True)
        if self.patience and (kept := self.patience.plain()):
            plain["patience"] = finite(kept)
            tensors |= {f"best.{name}": value for name, value in self.patience.tensors().items()}
        return State(progress.step, progress.epoch, tensors, plain)

    def restore(self, state: State, progress: RunProgress) -> None:
        """Put a state back into the objects and into `progress`.

        Raises:
            AthanorError: the state is of another network or optimizer, or lacks a part.
        """
        try:
            self._restore(state)
        except AthanorError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            raise AthanorError(
                f"The saved state of step {state.step} lacks a part, or was made by another version of Athanor: "
                f"{advice.switch_on('retrain')} to start over."
            ) from None
        progress.step, progress.epoch = state.step, self.finished_epochs(state.step, state.epoch)
        progress.due = state.plain.get("due") is True  # an older version did not note it

    def _restore(self, state: State) -> None:
        own = dict(self.module.named_parameters())
        given = _under(state.tensors, "trained")
        if own.keys() != given.keys() or any(own[name].shape != given[name].shape for name in own):
            raise AthanorError(
                f"The saved state of the stopped run does not match its network: {advice.switch_on('retrain')} to start over."
            )
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(given[name])
        optimizer_state.unpack(self.optimizer, _under(state.tensors, "optimizer"), state.plain["optimizer"])
        self.scaler.load_state_dict(state.plain["scaler"])
        if self.ema:
            means = _under(state.tensors, "ema")
            self.ema.load_state_dict({"count": state.plain["ema"], "means": [means[str(i)] for i in range(len(means))]})
        if "probe" in state.tensors:
            self.probe.first = state.tensors["probe"]
        if self.patience:
            self.patience.restore(state.plain.get("patience", {}), _under(state.tensors, "best"))


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key[len(prefix) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{prefix}.")}
