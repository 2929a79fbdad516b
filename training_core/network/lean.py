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
from .adapter import BypassForm, bypass_form
from .forms import declare, factors
from .hadamard import add_hadamard, hadamard

Forward = Callable[[torch.Tensor], torch.Tensor]
WEIGHTS_FOR = "weights_for"
"""Attribute of a layer's forward by which it lets others multiply with its weights (`low_rank.WeightsFor`), if it has one."""
SMALL = 256
"""Entries of a factor up to which it is multiplied sample by sample: its gradient is made for each sample."""


def lean_forward(adapter: Any) -> Forward | None:
    """Return a forward for a LyCORIS module, or None where LyCORIS' own is needed (dropouts, Tucker, DoRA)."""
    form = bypass_form(adapter)
    if form is None:
        return None
    declare(adapter, *form.factors)
    return {"lora": _lora, "loha": _loha, "lokr": _lokr}[form.kind](adapter, form)


def _lora(adapter: Any, form: BypassForm) -> Forward:
    base, where = form.base, form.convolution
    if where is None:
        weights_for: low_rank.WeightsFor | None = getattr(form.own_forward, WEIGHTS_FOR, None)

        def linear(x: torch.Tensor) -> torch.Tensor:
            flat = x.flatten(0, -2)
            down, up = factors(adapter, x.dtype)
            # A compiler sees through the plain form alone, and joins it by itself.
            if weights_for and not torch.compiler.is_compiling() and (fetch := weights_for(flat)):
                return low_rank.linear(flat, fetch, down, up).unflatten(0, x.shape[:-1])
            return base(flat).addmm_(F.linear(flat, down), up.t()).unflatten(0, x.shape[:-1])

        return linear

    def conv2d(x: torch.Tensor) -> torch.Tensor:
        down, up = factors(adapter, x.dtype)
        return base(x).add_(F.conv2d(F.conv2d(x, down, None, **where), up))

    return conv2d


def _lokr(adapter: Any, form: BypassForm) -> Forward:
    """Return a forward that adds kron(first, second): `first` (up, uq) mixes groups, `second` (vp, vq, ...) works in each."""
    base, where, first, kernel = form.base, form.convolution, form.first, form.shape[2:]
    if where is None:

        def linear(x: torch.Tensor) -> torch.Tensor:
            mixing, last, *thin = _of_kron(factors(adapter, x.dtype), first)
            flat = x.flatten(0, -2)
            plain = base(flat)
            inside = flat.reshape(len(flat), mixing.shape[1], -1)
            for weight in thin:
                inside = F.linear(inside, weight)
            inside = _mixed(mixing, inside).reshape(-1, last.shape[1])
            added = torch.addmm(plain.view(-1, last.shape[0]), inside, last.t())
            return added.view(*x.shape[:-1], -1)

        return linear

    def conv2d(x: torch.Tensor) -> torch.Tensor:
        mixing, last, *thin = _of_kron(factors(adapter, x.dtype), first)
        groups = x.reshape(len(x) * mixing.shape[1], -1, *x.shape[2:])
        weight = thin[0].view(len(thin[0]), -1, *kernel) if thin else last
        inside = F.conv2d(groups, weight, None, **where)
        size = inside.shape[2:]
        inside = _mixed(mixing, inside.view(len(x), mixing.shape[1], -1))
        if thin:
            inside = F.conv2d(inside.reshape(-1, last.shape[1], *size), last[..., None, None])
        return base(x).add_(inside.reshape(len(x), -1, *size))

    return conv2d


def _loha(adapter: Any, form: BypassForm) -> Forward:
    base, where, shape = form.base, form.convolution, form.shape
    if where is None:

        def linear(x: torch.Tensor) -> torch.Tensor:
            flat = x.flatten(0, -2)
            return add_hadamard(base(flat), flat, *factors(adapter, x.dtype)).unflatten(0, x.shape[:-1])

        return linear

    def conv2d(x: torch.Tensor) -> torch.Tensor:
        weight = hadamard(*factors(adapter, x.dtype)).view(shape)
        return base(x).add_(F.conv2d(x, weight, None, **where))

    return conv2d


def _of_kron(parts: Any, first: int) -> tuple[torch.Tensor, ...]:
    """Return (first factor, last part of the second, its other part if there are two)."""
    mixing = parts[0] if first == 1 else parts[0] @ parts[1]
    *thin, last = parts[first:]
    return mixing, last, *thin


def _mixed(mixing: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Return the groups of (n, uq, values) mixed by `mixing` (up, uq), as (n, up, values)."""
    if mixing.numel() <= SMALL:
        return torch.bmm(mixing.expand(len(inside), -1, -1), inside)
    return F.linear(inside.transpose(1, 2), mixing).transpose(1, 2)
