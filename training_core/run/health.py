"""Watch losses and gradients: warn when nothing is learned, stop a run that cannot recover."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Iterator

from ..errors import AthanorError
from ..history.events import Stepped, Warned

IN_A_ROW = 20
"""After this many steps in a row with NaN or infinity the run is stopped. A gradient scaler halves its scale with each of them:
from 65536 it is below 1 after 17, where only the gradient itself can be too large. (Mostly it finds its scale within ten.)"""

NOTHING = (
    "The gradient is 0 in every step, so nothing is learned: look at dropout, rank_dropout and module_dropout (1 drops all), at masks "
    "(black does not count), and at the weights of the loss."
)

EXPLODES = 100.0
"""A gradient norm this many times the median of the last 100 is called exploding."""


class Diverged(AthanorError):
    """Loss or gradient were NaN or infinite for IN_A_ROW steps, or from the first to the last."""


class Health:
    """Watches the steps of a session."""

    def __init__(self, scaled: bool = False, blame: Callable[[], str] = str) -> None:
        """`scaled`: gradients are scaled for float16, where a step is skipped now and then to lower the scale. `blame`: returns
        what is wrong with a model that has given nothing but NaN since the run began, '' if nothing is known.
        """
        self._scaled, self._blame = scaled, blame
        self.bad = 0  # steps in a row that were skipped
        self._begun, self._ever = False, False  # the run's first step was seen; any step had a loss that is a number
        self._moved = False  # any step of the session had a gradient
        self._norms: deque[float] = deque(maxlen=100)
        self._said: set[str] = set()

    def watch(self, step: Stepped) -> Iterator[Warned]:
        """Yield warnings about one step.

        Raises:
            Diverged: IN_A_ROW steps in a row could not be used.
        """
        if not step.losses and not step.grad_norm:  # all its pictures were left out: that says nothing of the settings
            return
        finite = math.isfinite(step.loss)
        self._begun |= step.step == 1
        self._ever |= finite
        if not finite or not math.isfinite(step.grad_norm):
            self.bad += 1
            if self.bad >= IN_A_ROW:
                raise Diverged(self._why(step))
            if not (self._scaled and finite):  # else the scaler looks for its scale, as it should
                yield from self._once(
                    "nan", f"Step {step.step} gave NaN or infinity and is skipped; further ones are only counted."
                )
            return
        self.bad = 0
        usual = statistics.median(self._norms) if len(self._norms) == self._norms.maxlen else 0.0
        if usual and step.grad_norm > EXPLODES * usual:
            yield from self._once(
                "explodes",
                f"The gradient explodes at step {step.step} ({step.grad_norm:.3g}, usually {usual:.3g}): lower learning_rate, or "
                "check the pictures of that step.",
            )
        self._norms.append(step.grad_norm)
        self._moved |= bool(step.grad_norm)
        if len(self._norms) == IN_A_ROW and not self._moved:
            yield from self._once("zero", NOTHING)

    def first_look(self, loss: float) -> None:
        """Check the probe's loss before the first step.

        Raises:
            Diverged: none of its samples gave a number, so that no step could: the model itself is at fault.
        """
        if not math.isfinite(loss):
            raise Diverged(f"Loss is NaN or infinite before the first step: {self._blame()}".rstrip(" :"))

    def end(self) -> Iterator[Warned]:
        """Check a run that has come to its end, which may have fewer steps than IN_A_ROW; yield what it has not said yet.

        Raises:
            Diverged: its first step was seen, and no step has ever given a number: nothing was trained.
        """
        if self._begun and not self._ever:
            raise Diverged(f"Loss was NaN or infinite in every step: {self._blame()}".rstrip(" :"))
        if self._begun and self._norms and not self._moved:
            yield from self._once("zero", NOTHING)

    def _why(self, step: Stepped) -> str:
        """Return what to do after too many skipped steps."""
        if self._begun and not self._ever and (why := self._blame()):
            return f"Loss was NaN or infinite in every step from the first on: {why}"
        return (
            f"Loss or gradient were NaN or infinite in {IN_A_ROW} steps in a row, up to step {step.step}: lower learning_rate, "
            "or set mixed_precision to bf16 or no."
        )

    def _once(self, kind: str, text: str) -> Iterator[Warned]:
        if kind not in self._said:
            self._said.add(kind)
            yield Warned(text)
