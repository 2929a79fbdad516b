"""Which samples of a batch can share a forward: ComfyUI joins conditioning of like shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import comfy.conds

from .batch import Groups


def joined(samples: Sequence[Mapping[str, Any]]) -> Groups:
    """Return the samples in groups that share a forward, with the conditioning of each group.

    Args:
        samples: ComfyUI's conditioning objects of each, by name.
    """
    groups: list[tuple[list[int], list[Mapping[str, Any]]]] = []
    for index, conds in enumerate(samples):
        for members, others in groups:
            first = others[0]
            if first.keys() == conds.keys() and all(_can_join(k, first[k], conds[k]) for k in conds):
                members.append(index)
                others.append(conds)
                break
        else:
            groups.append(([index], [conds]))
    return tuple(
        (members, {k: conds[0][k].concat([c[k] for c in conds[1:]]) for k in conds[0]}) for members, conds in groups
    )


def _can_join(name: str, one: Any, other: Any) -> bool:
    """Return whether two samples' conditioning of one name can share a forward without changing it.

    The host repeats the shorter text to the longer's length, which changes nothing only where attention reads that text
    alone, as a U-Net's: Stable Cascade's reads the picture beside it.
    """
    repeated = isinstance(one, comfy.conds.CONDCrossAttn) and name != "c_crossattn" and one.size() != other.size()
    return not repeated and one.can_concat(other)
