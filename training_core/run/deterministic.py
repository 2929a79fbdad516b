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

STILL_PROMISED = "the same graph and seed give the same LoRA except for rounding, not byte for byte"
"""What a run without deterministic algorithms on a GPU can still promise."""


class DeterministicMode:
    """Runs computations with torch's deterministic algorithms while `on`."""

    def __init__(self, setting: str, on: bool, device: torch.device) -> None:
        """`setting`: off, on or auto. An operation that has no deterministic form ends the mode with auto, the run with on."""
        self.on = on and determinism.applies(device)
        self._setting, self._device, self._reason = setting, device, ""

    def __call__(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns; with auto it runs again if an operation of it has no deterministic form.

        Raises:
            AthanorError: an operation has none, and the setting is on.
        """
        try:
            with self._inside():
                return attempt()
        except RuntimeError as error:
            operation = self.on and determinism.missing(error)
            if not operation:
                raise
            if self._setting != "auto":
                raise AthanorError(_advice(operation)) from None
        self.give_up(f"{operation} has no deterministic version on this GPU")
        return attempt()

    @contextmanager
    def update(self) -> Iterator[None]:
        """Run what cannot be repeated, since it changes the weights.

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
    def suspended(self) -> Iterator[None]:
        """Inside, torch may take any algorithm."""
        before, self.on = self.on, False
        try:
            yield
        finally:
            self.on = before

    def give_up(self, reason: str) -> None:
        """Switch the mode off for the rest of the run; `reason` is told by `warnings`."""
        self.on, self._reason = False, reason

    def warnings(self) -> Iterator[Warned]:
        """Yield the warning that the mode was given up, once."""
        if self._reason:
            yield Warned(
                f"deterministic auto: {self._reason}, so it is off: {STILL_PROMISED}. Set deterministic to on where that matters, "
                "to off where it does not."
            )
            self._reason = ""

    @contextmanager
    def _inside(self) -> Iterator[None]:
        if not self.on:
            yield
            return
        with determinism.deterministic(self._device):
            yield


def _advice(operation: str) -> str:
    """Return what to do about an operation without a deterministic form."""
    if determinism.WORKSPACE in operation:
        return (
            f"deterministic: {operation} gives different results each time: start ComfyUI with {determinism.WORKSPACE}="
            f"{determinism.REPRODUCIBLE} in its environment (--deterministic does that), or set deterministic to off."
        )
    return (
        f"deterministic: {operation} has no deterministic version on this GPU: set deterministic to off, or remove what uses "
        "it (the optimizer, a patch of the model)."
    )
