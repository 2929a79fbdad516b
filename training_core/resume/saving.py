"""Write a run's LoRA files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch

from ..history.events import Saved
from ..network import metadata
from ..settings import TrainingSettings
from .progress import Progress

_STEP = "-step{p.step:08d}"
SUFFIX = {"epoch": "-{p.epoch:06d}", "step": _STEP, "interrupted": _STEP, "asked": _STEP, "last": ""}
"""sd-scripts' names: name-000004, name-step00001000, name."""


def beside(path: Path, what: str) -> Path:
    """Where the running mean (ema) or the copy in diffusers' names is saved: name-000004-ema.safetensors."""
    return path.with_name(f"{path.stem}-{what}{path.suffix}")


class Verdict(Protocol):
    """What the check of a file found."""

    deviation: float  # as the stock loader applies it, as a part of the trained effect

    def trouble(self, precision: str) -> str:
        """What is wrong with the file, in one sentence, or ''."""


class Writable(Protocol):
    """What is trained, as far as its files go."""

    tensors: Callable[[], Mapping[str, torch.Tensor]]  # as they are now, by their names in the file
    write: Callable[[Path, Mapping[str, torch.Tensor], Mapping[str, object]], str]  # returns the hash
    check: Callable[[Mapping[str, torch.Tensor]], Verdict]  # does the stock loader make of it what was trained?
    diffusers: Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]] | None  # the same in diffusers' names


@dataclass(frozen=True, slots=True)
class Saver:
    """Knows everything about a run's files but how far the run is."""

    target: Path  # name.safetensors
    trained: Writable
    settings: TrainingSettings
    described: Mapping[str, object]  # metadata known before the first step
    looking: Callable[[], AbstractContextManager[None]] = nullcontext  # what is trained has the weights to save in it
    mean: Callable[[], AbstractContextManager[None]] | None = None  # it has its running mean in it
    saved: list[Saved] = field(default_factory=list)

    def due(self, kind: str, number: int) -> bool:
        """Whether epoch or step `number` is to be saved."""
        every = self.settings.save_every_n_epochs if kind == "epoch" else self.settings.save_every_n_steps
        return bool(every) and number % every == 0

    def __call__(self, progress: Progress, kind: str) -> Saved:
        """Write what is trained as it is now, whole or not at all, and its running mean beside it."""
        with self.looking():
            saved = self._save(progress, kind)
        if self.mean:
            with self.mean():
                self._write(beside(saved.path, "ema"), self.trained.tensors(), progress)
        return saved

    def _write(self, path: Path, tensors: Mapping[str, torch.Tensor], progress: Progress) -> str:
        described = {**self.described, **metadata.at_save(progress.step, progress.epoch)}
        return self.trained.write(path, tensors, described)

    def _save(self, progress: Progress, kind: str) -> Saved:
        path = self.target.with_name(f"{self.target.stem}{SUFFIX[kind].format(p=progress)}.safetensors")
        tensors = self.trained.tensors()
        digest = self._write(path, tensors, progress)
        if self.trained.diffusers:
            self._write(beside(path, "diffusers"), self.trained.diffusers(tensors), progress)
        self._remove_old(progress, kind)
        saved = Saved(
            path=path,
            step=progress.step,
            epoch=progress.epoch,
            hash=digest,
            kind=kind,
            norm=_norm(tensors),
        )
        self.saved.append(saved)
        if kind == "interrupted":  # whatever stopped the run may stop the check as well
            return saved
        try:
            verdict = self.trained.check(tensors)
        except Exception as error:  # the file is written; a check that fails must not end the run
            return replace(saved, trouble=f"It could not be checked ({error}).")
        return replace(saved, deviation=verdict.deviation, trouble=verdict.trouble(self.settings.save_precision))

    def _remove_old(self, progress: Progress, kind: str) -> None:
        """Take away what save_last_n_epochs and save_last_n_steps do not keep, once the new file is there."""
        epochs, steps = self.settings.save_last_n_epochs, self.settings.save_last_n_steps
        if kind == "epoch" and epochs:
            old = [s for s in self.saved if s.kind == "epoch"][: 1 - epochs or None]
        elif kind == "step" and steps:
            old = [s for s in self.saved if s.kind == "step" and s.step < progress.step - steps]
        else:
            return
        for saved in old:
            saved.path.unlink(missing_ok=True)
            for what in ("ema", "diffusers"):
                beside(saved.path, what).unlink(missing_ok=True)
            self.saved.remove(saved)


def _norm(tensors: Mapping[str, torch.Tensor]) -> float:
    """How large the numbers have grown; alpha does not train."""
    return math.hypot(*(t.float().norm().item() for name, t in tensors.items() if not name.endswith(".alpha")))
