"""The state of the process that training needs, and the user's wish to stop it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import comfy.model_management as mm
import torch

from . import determinism, rotary, stand_ins


@contextmanager
def training() -> Iterator[None]:
    """Inside, gradients can be computed: ComfyUI runs every prompt in inference mode.

    Its flag `in_training` keeps models off fused paths that have no backward pass; that of rotary embeddings gets one
    (`rotary`), and what has none without such a flag is replaced (`stand_ins`). Sums that ComfyUI was told to shorten
    (--fast) are computed in full.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        determinism.in_training(mm.get_torch_device()),
        rotary.differentiable(),
        stand_ins.differentiable(),
    ):
        before, mm.in_training = mm.in_training, True
        try:
            yield
        finally:
            mm.in_training = before


def stop_if_interrupted() -> None:
    """Raise ComfyUI's InterruptProcessingException if the user has asked to stop (its progress bar checks too rarely)."""
    mm.throw_exception_if_processing_interrupted()


def interrupted() -> bool:
    """Return whether the user has asked to stop and nothing has been raised for it yet."""
    return mm.processing_interrupted()


_reason = ""


def interrupt(why: str = "") -> None:
    """Ask this process to stop, as when another process of the run was interrupted; `why` is what `reason` returns then."""
    global _reason
    _reason = why or _reason
    mm.interrupt_current_processing()


def reason() -> str:
    """Return why this process was asked to stop, in plain words: by its user, unless `interrupt` was told otherwise."""
    return _reason or "interrupted by the user"
