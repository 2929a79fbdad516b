"""Write a run's LoRA files (or checkpoints) under sd-scripts' names, and remove those that are not to be kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch

from ..history.events import Saved
from ..history.run_files import companion, diffusers_copy, with_companions
from ..network import metadata
from ..network.metadata_choice import as_text, reduced
from ..optim.averaging import WeightsContext
from ..settings import TrainingSettings
from .progress import RunProgress

_STEP = "-step{p.step:08d}"
SUFFIX = {"epoch": "-{p.epoch:06d}", "step": _STEP, "interrupted": _STEP, "asked": _STEP, "last": ""}
"""sd-scripts' names: name-000004, name-step00001000, name."""


class FileVerdict(Protocol):
    """The result of loading a written file as the stock loader does."""

    @property
    def deviation(self) -> float:
        """How far its effect is from the trained one, as a part of the trained effect (0.01: 1 %)."""
        ...

    def trouble(self, precision: str) -> str:
        """Return one sentence about what is wrong with the file, or ''."""
        ...


Tensors = Mapping[str, torch.Tensor]


class Writable(Protocol):
    """What is trained, as far as its files go; see `run.train_target.TrainTarget`."""

    def tensors(self) -> Tensors:
        """Return the weights as they are now, by their names in the file."""
        ...

    def write(self, path: Path, tensors: Tensors, metadata: Mapping[str, object]) -> str:
        """Write a file whole or not at all; returns its hash."""
        ...

    def check(self, tensors: Tensors) -> FileVerdict:
        """Compare what the stock loader makes of the tensors with what was trained."""
        ...

    def in_diffusers_names(self, tensors: Tensors) -> Tensors | None:
        """Return the tensors under diffusers' names; None if no such copy is wanted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Saver:
    """Writes a run's files; knows everything about them but how far the run is."""

    target: Path  # name.safetensors
    trained: Writable
    settings: TrainingSettings
    steps_per_epoch: int
    metadata: Mapping[str, object]  # known before the first step
    copies: Path  # folder of copies in diffusers' names
    run: Path  # the run's folder, in which files have second names
    choice: str = "all"  # how much of the metadata files tell
    late_metadata: Callable[[], Mapping[str, object]] = dict  # what a thread finds out meanwhile; waits for it
    eval_weights: WeightsContext = nullcontext  # inside, the weights to save are in place
    mean_weights: WeightsContext | None = None  # inside, the running mean is in place
    saved: list[Saved] = field(default_factory=list)

    def due(self, kind: str, number: int) -> bool:
        """Return whether epoch or step `number` is to be saved."""
        every = self.settings.save_every_n_epochs if kind == "epoch" else self.settings.save_every_n_steps
        return bool(every) and number % every == 0

    def __call__(self, progress: RunProgress, kind: str, reached: int = 0) -> Saved:
        """Write the weights as they are now, and their running mean (ema_decay) beside them; then check the first file.

        Args:
            kind: epoch, step, last, interrupted or asked.
            reached: the step that the run has ended with, where `progress` and the weights are of an earlier one: these are the
                ones to save, as they were looked at.
        """
        with nullcontext() if reached else self.eval_weights():
            saved, tensors = self._save(progress, kind, reached)
            if self.mean_weights:
                with self.mean_weights():
                    self._write(companion(saved.path, "ema"), self.trained.tensors(), saved.step, saved.epoch)
            # Last of all, and not where something has stopped the run: that may stop the check as well.
            return saved if kind == "interrupted" else self._checked(saved, tensors)

    def _write(self, path: Path, tensors: Mapping[str, torch.Tensor], step: int, epoch: int) -> str:
        known = as_text({**self.metadata, **self.late_metadata(), **metadata.at_save(step, epoch)})
        return self.trained.write(path, tensors, reduced(known, self.choice))

    def _save(self, progress: RunProgress, kind: str, reached: int) -> tuple[Saved, Tensors]:
        """Write the file and its copy; return it and what it holds."""
        path = self.target.with_name(f"{self.target.stem}{SUFFIX[kind].format(p=progress)}.safetensors")
        tensors, step = self.trained.tensors(), progress.step
        # From the step alone, so that a file which is written again tells the same. In sd-scripts' last file a cut epoch counts.
        epoch = (math.ceil if kind == "last" else math.floor)(step / self.steps_per_epoch)
        digest = self._write(path, tensors, step, epoch)
        copy = self.trained.in_diffusers_names(tensors)
        if copy is not None:
            self._write(diffusers_copy(path, self.copies), copy, step, epoch)
            companion(path, "diffusers").unlink(missing_ok=True)  # an older version's, of weights that are no more
        self._remove_old(progress, kind)
        told = {"path": path, "step": step, "epoch": epoch, "hash": digest, "kind": kind, "norm": _norm(tensors)}
        saved = Saved(**told, reached=reached)
        self.saved.append(saved)
        return saved, tensors

    def _checked(self, saved: Saved, tensors: Tensors) -> Saved:
        """Return the file with what the stock loader makes of it."""
        try:
            verdict = self.trained.check(tensors)
        except Exception as error:  # the file is written; a check that fails must not end the run
            return replace(saved, trouble=f"It could not be checked ({error}).")
        return replace(saved, deviation=verdict.deviation, trouble=verdict.trouble(self.settings.save_precision))

    def _remove_old(self, progress: RunProgress, kind: str) -> None:
        """Delete files beyond save_last_n_epochs and save_last_n_steps, once the new file is there."""
        epochs, steps = self.settings.save_last_n_epochs, self.settings.save_last_n_steps
        if kind == "epoch" and epochs:
            old = [s for s in self.saved if s.kind == "epoch"][: 1 - epochs or None]
        elif kind == "step" and steps:
            old = [s for s in self.saved if s.kind == "step" and s.step < progress.step - steps]
        else:
            return
        for saved in old:
            for path in with_companions(saved.path, self.copies, self.run):
                path.unlink(missing_ok=True)
            self.saved.remove(saved)


def _norm(tensors: Mapping[str, torch.Tensor]) -> float:
    """Return the Frobenius norm of all trained numbers; alpha is a constant and is left out."""
    return math.hypot(*(t.float().norm().item() for name, t in tensors.items() if not name.endswith(".alpha")))
