"""How often pictures are seen per epoch: regularization pictures balanced, groups raised to the same sum (pure)."""

from __future__ import annotations

from collections.abc import Sequence


def balanced(repeats: Sequence[int], is_reg: Sequence[bool]) -> tuple[int, ...]:
    """Return the repeats of all pictures after sd-scripts' balancing of regularization pictures.

    Regularization pictures are taken in order, each with its own repeats, until they are seen as often as the others
    together; if they run out before, each gets one repeat more, in order, until they are. Those not reached get 0.
    """
    result = [0 if reg else n for n, reg in zip(repeats, is_reg, strict=True)]
    wanted, count = sum(result), 0
    reg = [i for i, flag in enumerate(is_reg) if flag]
    # Each round but the first adds one per picture, so `wanted` rounds are enough even for a single one.
    for is_first_round in (True, *([False] * wanted)):
        for i in reg:
            if count >= wanted:
                return tuple(result)
            extra = repeats[i] if is_first_round else 1
            result[i] += extra
            count += extra
        if not reg:
            break
    return tuple(result)


def scaled(repeats: Sequence[int], wanted: int, most: int) -> list[int]:
    """Return the repeats of a group, multiplied so that their sum is `wanted` if `most` allows it.

    All are multiplied by the same factor and rounded down; what is left goes to the largest remainders, the first of
    equals first. No number is lowered, and none is raised above `most`: what such a picture cannot take goes to the
    others.
    """
    if sum(repeats) >= wanted:
        return list(repeats)
    result = [max(n, most) for n in repeats]
    free = list(range(len(repeats)))
    while free:
        total = sum(repeats[i] for i in free)
        rest = wanted - sum(n for i, n in enumerate(result) if i not in set(free))
        full = {i for i in free if repeats[i] * rest > result[i] * total}
        if not full:
            parts = {i: divmod(repeats[i] * rest, total) for i in free}
            for i, (whole, _) in parts.items():
                result[i] = whole
            over = rest - sum(whole for whole, _ in parts.values())
            for i in sorted(free, key=lambda i: -parts[i][1])[:over]:
                result[i] += 1
            break
        free = [i for i in free if i not in full]
    return result
