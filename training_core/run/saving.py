"""Write a run's LoRA files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch

from ..network import diffusers_names, files, metadata, portable
from ..settings import TrainingSettings
from .events import Saved
from .loop import Progress

SUFFIX = {"epoch": "-{p.epoch:06d}", "step": "-step{p.step:08d}", "interrupted": "-step{p.step:08d}", "last": ""}
"""sd-scripts' names: name-000004, name-step00001000, name."""


class Verdict(Protocol):
    """What the check of a file found."""

    deviation: float  # as the stock loader applies it, as a part of the trained effect

    def trouble(self, precision: str) -> str:
        """What is wrong with the file, in one sentence, or ''."""


@dataclass(frozen=True, slots=True)
class Saver:
    """Knows everything about a run's files but how far the run is."""

    target: Path  # name.safetensors
    network: torch.nn.Module
    settings: TrainingSettings
    rename: Mapping[str, str]  # network module -> name in the file, where they differ
    described: Mapping[str, object]  # metadata known before the first step
    check: Callable[[Mapping[str, torch.Tensor]], Verdict]  # does the stock loader make of it what was trained?
    diffusers: diffusers_names.Names | None = None  # of a second file in diffusers' names
    saved: list[Saved] = field(default_factory=list)

    def due(self, kind: str, number: int) -> bool:
        """Whether epoch or step `number` is to be saved."""
        every = self.settings.save_every_n_epochs if kind == "epoch" else self.settings.save_every_n_steps
        return bool(every) and number % every == 0

    def __call__(self, progress: Progress, kind: str) -> Saved:
        """Write the network as it is now, whole or not at all."""
        path = self.target.with_name(f"{self.target.stem}{SUFFIX[kind].format(p=progress)}.safetensors")
        tensors = files.tensors_for_file(portable.state(self.network), self.settings.save_precision, self.rename)
        described = {**self.described, **metadata.at_save(progress.step, progress.epoch)}
        digest = files.save_lora(path, tensors, described)
        if self.diffusers is not None:
            files.save_lora(_copy(path), diffusers_names.split(tensors, self.diffusers), described)
        self._remove_old(progress, kind)
        saved = Saved(path, progress.step, progress.epoch, digest, kind)
        self.saved.append(saved)
        if kind == "interrupted":  # whatever stopped the run may stop the check as well
            return saved
        try:
            verdict = self.check(tensors)
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
            if self.diffusers is not None:
                _copy(saved.path).unlink(missing_ok=True)
            self.saved.remove(saved)


def _copy(path: Path) -> Path:
    return path.with_name(f"{path.stem}-diffusers.safetensors")
