"""A run's whole state on disk, from which it goes on as if it had never stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ..files import METADATA, read_safetensors, safetensors_header, write_atomically

KEY = "athanor_state"


@dataclass(frozen=True, slots=True)
class State:
    """Everything that changes from step to step, after `step` optimizer steps."""

    step: int
    epoch: int  # finished epochs
    tensors: Mapping[str, torch.Tensor]
    plain: Mapping[str, Any]  # everything else, as JSON takes it


def write(folder: Path, state: State) -> Path:
    """Write step00000123.safetensors whole or not at all, then remove older ones."""
    path = folder / f"step{state.step:08d}.safetensors"
    metadata = {KEY: json.dumps({"step": state.step, "epoch": state.epoch, **state.plain})}
    write_atomically(path, lambda temporary: save_file(dict(state.tensors), temporary, metadata=metadata))
    for old in folder.glob("step*.safetensors"):
        if old != path:
            old.unlink(missing_ok=True)
    return path


@dataclass(frozen=True, slots=True)
class SavedState:
    """A state on disk, without its tensors: `read` reads them when they are needed, so that they do not stay in memory."""

    path: Path
    step: int
    epoch: int  # finished epochs
    plan: Mapping[str, Any] | None = None  # see `compute_plan.from_json`; None: written by an older version
    probed: int | None = None  # samples of the probe's first look; None: there was none

    def read(self) -> State:
        """Read the tensors and everything else."""
        tensors, metadata = read_safetensors(self.path)
        plain = json.loads(metadata[KEY])
        return State(plain.pop("step"), plain.pop("epoch"), tensors, plain)


def latest(folder: Path) -> SavedState | None:
    """Return the newest state whose file is whole; None if there is none."""
    for path in sorted(folder.glob("step*.safetensors"), reverse=True):
        try:
            header = safetensors_header(path)  # refuses a file that a crash has cut off
            plain = json.loads(header[METADATA][KEY])
            probed = header.get("probe", {}).get("shape", [None])[0]
            return SavedState(path, plain["step"], plain["epoch"], plain.get("plan"), probed)
        except (KeyError, ValueError):
            continue
    return None


def step_of(folder: Path) -> int:
    """Return the step of the newest state by its file name; 0 without one."""
    steps = [path.stem.removeprefix("step") for path in folder.glob("step*.safetensors")]
    return max((int(step) for step in steps if step.isdecimal()), default=0)


def remove(folder: Path) -> None:
    """Delete all states in a folder."""
    for path in folder.glob("step*.safetensors"):
        path.unlink(missing_ok=True)
