"""What nodes pass on of a finished run: names and numbers, never weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


def few(captions: Iterable[str]) -> tuple[str, ...]:
    """A few of the captions, each once and its first line: what runs are compared and sampled with by themselves."""
    return tuple(dict.fromkeys(text.partition("\n")[0] for text in captions if text))[:3]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One LoRA file of a run."""

    epoch: int
    step: int
    lora_name: str  # as the host's LoRA lists have it
    path: Path
    hash: str
    last: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A run and what it left on disk."""

    run_id: str
    name: str
    folder: Path
    checkpoints: tuple[Checkpoint, ...]
    losses: tuple[float, ...]  # one per step
    lrs: tuple[float, ...]
    epochs: tuple[int, ...]
    probes: tuple[tuple[int, float], ...]  # finished steps, per cent of the first look
    captions: tuple[str, ...]  # a few that were trained, to compare with
