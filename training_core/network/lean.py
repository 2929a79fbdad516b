"""Forwards with as few operations as possible, equal to LyCORIS' bypass forms.

LyCORIS multiplies the layer-sized difference by alpha / rank and by a scalar, then adds it to a base of its own: four
passes over memory that cost more than the thin matrix products. Here the factor goes into a thin weight, and the addition
into the last product. LoKr mixes its groups where they are thinnest (after the second factor's first half); LoHa's
scale does not travel from the CPU to the device in every layer, which would wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from . import low_rank
from .forms import declare, factors
from .hadamard import add_hadamard, hadamard

Forward = Callable[[torch.Tensor], torch.Tensor]
WEIGHTS_FOR = "weights_for"
"""Attribute of a layer's forward by which it lets others multiply with its weights (`low_rank.WeightsFor`), if it has one."""
SMALL = 256
"""Entries of a factor up to which it is multiplied sample by sample: its gradient is made for each sample."""


def lean_forward(lora: Any) -> Forward | None:
    """A forward for a LyCORIS module, or None where LyCORIS' own is needed (dropouts, Tucker, DoRA)."""
    make = {"locon": _lora, "kron": _lokr, "loha": _loha}.get(getattr(lora, "name", ""))
    if make is None or not lora.bypass_mode or lora.tucker or lora.wd or lora.rank_dropout or lora.module_dropout:
        return None
    dropout = lora.dropout if lora.name == "locon" else lora.drop
    return make(lora) if isinstance(dropout, torch.nn.Identity) else None


def _lora(lora: Any) -> Forward | None:
    if lora.module_type == "linear":
        declare(lora, "lora_down.weight", "lora_up.weight")
        weights_for: low_rank.WeightsFor | None = getattr(lora.org_forward, WEIGHTS_FOR, None)

        def linear(x: torch.Tensor) -> torch.Tensor:
            flat = x.flatten(0, -2)
            down, up = factors(lora, x.dtype)
            # A compiler sees through the plain form alone, and joins it by itself.
            if weights_for and not torch.compiler.is_compiling() and (fetch := weights_for(flat)):
                return low_rank.linear(flat, fetch, down, up).unflatten(0, x.shape[:-1])
            return lora.org_forward(flat).addmm_(F.linear(flat, down), up.t()).unflatten(0, x.shape[:-1])

        return linear
    if lora.module_type == "conv2d" and lora.lora_down.weight.ndim == lora.lora_up.weight.ndim == 4:
        declare(lora, "lora_down.weight", "lora_up.weight")
        conv = lora.lora_down

        def conv2d(x: torch.Tensor) -> torch.Tensor:
            down, up = factors(lora, x.dtype)
            thin = F.conv2d(x, down, None, conv.stride, conv.padding, conv.dilation, conv.groups)
            return lora.org_forward(x).add_(F.conv2d(thin, up))

        return conv2d
    return None


def _lokr(lora: Any) -> Forward | None:
    """kron(first, second): `first` (up, uq) mixes groups, `second` (vp, vq, ...) works in each."""
    first = ("lokr_w1",) if lora.use_w1 else ("lokr_w1_a", "lokr_w1_b")
    second = ("lokr_w2",) if lora.use_w2 else ("lokr_w2_b", "lokr_w2_a")
    if lora.module_type == "linear":
        declare(lora, *first, *second)

        def linear(x: torch.Tensor) -> torch.Tensor:
            mixing, last, *thin = _of_kron(factors(lora, x.dtype), len(first))
            flat = x.flatten(0, -2)
            base = lora.org_forward(flat)
            inside = flat.reshape(len(flat), mixing.shape[1], -1)
            for weight in thin:
                inside = F.linear(inside, weight)
            inside = _mixed(mixing, inside).reshape(-1, last.shape[1])
            added = torch.addmm(base.view(-1, last.shape[0]), inside, last.t())
            return added.view(*x.shape[:-1], -1)

        return linear
    if lora.module_type == "conv2d":
        declare(lora, *first, *second)
        where, kernel = lora.kw_dict, lora.shape[2:]

        def conv2d(x: torch.Tensor) -> torch.Tensor:
            mixing, last, *thin = _of_kron(factors(lora, x.dtype), len(first))
            groups = x.reshape(len(x) * mixing.shape[1], -1, *x.shape[2:])
            if thin:
                inside = F.conv2d(groups, thin[0].view(len(thin[0]), -1, *kernel), None, **where)
            else:
                inside = F.conv2d(groups, last, None, **where)
            size = inside.shape[2:]
            inside = _mixed(mixing, inside.view(len(x), mixing.shape[1], -1))
            if thin:
                inside = F.conv2d(inside.reshape(-1, last.shape[1], *size), last[..., None, None])
            return lora.org_forward(x).add_(inside.reshape(len(x), -1, *size))

        return conv2d
    return None


def _of_kron(parts: Any, first: int) -> tuple[torch.Tensor, ...]:
    """(first factor, last part of the second, its other part if there are two)."""
    mixing = parts[0] if first == 1 else parts[0] @ parts[1]
    *thin, last = parts[first:]
    return mixing, last, *thin


def _mixed(mixing: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """`mixing` (up, uq) of the groups of (n, uq, values) -> (n, up, values)."""
    if mixing.numel() <= SMALL:
        return torch.bmm(mixing.expand(len(inside), -1, -1), inside)
    return F.linear(inside.transpose(1, 2), mixing).transpose(1, 2)


def _loha(lora: Any) -> Forward | None:
    if lora.module_type not in ("linear", "conv2d"):
        return None
    declare(lora, "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    if lora.module_type == "conv2d":

        def conv2d(x: torch.Tensor) -> torch.Tensor:
            weight = hadamard(*factors(lora, x.dtype)).view(lora.shape)
            return lora.org_forward(x).add_(F.conv2d(x, weight, None, **lora.kw_dict))

        return conv2d

    def linear(x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(0, -2)
        return add_hadamard(lora.org_forward(flat), flat, *factors(lora, x.dtype)).unflatten(0, x.shape[:-1])

    return linear
