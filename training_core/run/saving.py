"""Write a run's LoRA files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..host.selfcheck import Verdict
from ..network import files, metadata, portable
from .events import Saved
from .loop import Progress

SUFFIX = {"epoch": "-{p.epoch:06d}", "interrupted": "-step{p.step:08d}", "last": ""}
"""sd-scripts' names: name-000004, name-step00001000, name."""


@dataclass(frozen=True, slots=True)
class Saver:
    """Knows everything about a run's files but how far the run is."""

    target: Path  # name.safetensors
    network: torch.nn.Module
    precision: str
    rename: Mapping[str, str]  # network module -> name in the file, where they differ
    described: Mapping[str, object]  # metadata known before the first step
    check: Callable[[Mapping[str, torch.Tensor]], Verdict]  # does the stock loader make of it what was trained?

    def __call__(self, progress: Progress, kind: str) -> Saved:
        """Write the network as it is now, whole or not at all."""
        path = self.target.with_name(f"{self.target.stem}{SUFFIX[kind].format(p=progress)}.safetensors")
        tensors = files.tensors_for_file(portable.state(self.network), self.precision, self.rename)
        described = {**self.described, **metadata.at_save(progress.step, progress.epoch)}
        digest = files.save_lora(path, tensors, described)
        saved = Saved(path, progress.step, progress.epoch, digest, kind)
        if kind == "interrupted":  # whatever stopped the run may stop the check as well
            return saved
        try:
            verdict = self.check(tensors)
        except Exception as error:  # the file is written; a check that fails must not end the run
            return replace(saved, trouble=f"It could not be checked ({error}).")
        return replace(saved, deviation=verdict.deviation, trouble=verdict.trouble(self.precision))
