"""Is the run still learning something? Says so when it is not, and stops one that can only get worse."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterator

from ..errors import AthanorError
from .events import Stepped, Warned

IN_A_ROW = 20
"""So many steps with NaN or infinity one after the other, and no more will come. (fp16 finds its scale within ten.)"""

EXPLODES = 100.0
"""A gradient so many times the usual one."""


class Diverged(AthanorError):
    """Loss or gradient have been NaN or infinite for too long."""


class Health:
    """Watches what the loop tells."""

    def __init__(self) -> None:
        self.bad = 0  # steps in a row that were skipped
        self.skipped = 0
        self._norms: deque[float] = deque(maxlen=100)
        self._said: set[str] = set()

    def watch(self, step: Stepped) -> Iterator[Warned]:
        """Look at one step.

        Raises:
            Diverged: too many steps in a row could not be used.
        """
        if not math.isfinite(step.grad_norm) or not math.isfinite(step.loss):
            self.bad, self.skipped = self.bad + 1, self.skipped + 1
            if self.bad >= IN_A_ROW:
                raise Diverged(
                    f"Loss or gradient were NaN or infinite in {IN_A_ROW} steps in a row, up to step {step.step}: lower "
                    "learning_rate, or set mixed_precision to bf16 or no."
                )
            yield from self._once("nan", f"Step {step.step} gave NaN or infinity and is skipped; more are counted.")
            return
        self.bad = 0
        if len(self._norms) == self._norms.maxlen and step.grad_norm > EXPLODES * statistics.median(self._norms):
            yield from self._once(
                "explodes",
                f"The gradient explodes at step {step.step} ({step.grad_norm:.3g}, usually "
                f"{statistics.median(self._norms):.3g}): lower learning_rate, or check the pictures of that step.",
            )
        self._norms.append(step.grad_norm)
        if len(self._norms) == 20 and not any(self._norms):
            yield from self._once(
                "zero", "The gradient is 0 in every step: nothing is learned; check the network and the loss."
            )

    def _once(self, kind: str, text: str) -> Iterator[Warned]:
        if kind not in self._said:
            self._said.add(kind)
            yield Warned(text)
