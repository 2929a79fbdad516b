"""How often regularization pictures are seen, so that they are as many as the others (pure)."""

from __future__ import annotations

from collections.abc import Sequence


def balanced(repeats: Sequence[int], is_reg: Sequence[bool]) -> tuple[int, ...]:
    """Repeats per picture after balancing, as sd-scripts does it.

    Regularization pictures are taken in order, each with its own repeats, until there are as many as the others;
    then each gets one repeat more, in order, until there are. Those never reached are not used (0).
    """
    result = [0 if reg else n for n, reg in zip(repeats, is_reg, strict=True)]
    wanted, count = sum(result), 0
    reg = [i for i, flag in enumerate(is_reg) if flag]
    for own in (True, *([False] * wanted)):
        for i in reg:
            if count >= wanted:
                return tuple(result)
            extra = repeats[i] if own else 1
            result[i] += extra
            count += extra
        if not reg:
            break
    return tuple(result)
