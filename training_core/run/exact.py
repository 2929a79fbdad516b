"""Steps that give the same bytes twice, where the GPU can: the setting `deterministic` of Train LoRA."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from ..errors import AthanorError
from ..history.events import Warned
from ..host import determinism

T = TypeVar("T")

log = logging.getLogger("athanor")

LEFT = "the same graph and seed give the same LoRA but for rounding, not to the byte"
"""What a run without deterministic algorithms on a GPU can still promise."""


class Exact:
    """Computes with deterministic algorithms while `on`."""

    def __init__(self, asked: str, on: bool, device: torch.device) -> None:
        """`asked`: the setting. With auto, an operation without a deterministic form ends it; with on, it ends the run."""
        self.on = on and determinism.applies(device)
        self._asked, self._device, self._why = asked, device, ""

    def __call__(self, attempt: Callable[[], T]) -> T:
        """What `attempt` returns; with auto it is tried anew, if an operation of it has no deterministic form.

        Raises:
            AthanorError: it has none, and deterministic is on.
        """
        try:
            with self._inside():
                return attempt()
        except RuntimeError as error:
            operation = self.on and determinism.missing(error)
            if not operation:
                raise
            if self._asked != "auto":
                raise AthanorError(_advice(operation)) from None
        self.give_up(f"{operation} has no deterministic form on this GPU")
        return attempt()

    @contextmanager
    def update(self) -> Iterator[None]:
        """What cannot be done twice, since it changes what is trained.

        Raises:
            AthanorError: an operation of it has no deterministic form.
        """
        try:
            with self._inside():
                yield
        except RuntimeError as error:
            operation = self.on and determinism.missing(error)
            if not operation:
                raise
            raise AthanorError(_advice(operation)) from None

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Inside, torch may take any algorithm."""
        before, self.on = self.on, False
        try:
            yield
        finally:
            self.on = before

    def give_up(self, why: str) -> None:
        """Off from here on."""
        self.on, self._why = False, why

    def warnings(self) -> Iterator[Warned]:
        """That it was given up, once."""
        if self._why:
            yield Warned(
                f"deterministic auto: {self._why}, so it is off: {LEFT}. Set deterministic to on where that matters, to off "
                "where it does not."
            )
            self._why = ""

    @contextmanager
    def _inside(self) -> Iterator[None]:
        if not self.on:
            yield
            return
        with determinism.deterministic(self._device):
            yield


def _advice(operation: str) -> str:
    if determinism.WORKSPACE in operation:
        return (
            f"deterministic: {operation} gives other sums every time: start ComfyUI with {determinism.WORKSPACE}="
            f"{determinism.REPRODUCIBLE} in its environment (--deterministic does that), or set deterministic to off."
        )
    return (
        f"deterministic: {operation} has no deterministic form on this GPU: set deterministic to off, or do without what "
        "needs it (the optimizer, a patch of the model)."
    )
