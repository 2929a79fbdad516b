"""What a LyCORIS module is, read: the only file beside `lycoris` that knows its attributes.

"Adapter" means one of LyCORIS' modules: the network of a single layer. Its `lora_name` is how its keys begin in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

_KINDS = {
    "LoConModule": "lora", "LohaModule": "loha", "LokrModule": "lokr", "DyLoraModule": "dylora", "GLoRAModule": "glora",
    "FullModule": "full", "DiagOFTModule": "diag-oft", "ButterflyOFTModule": "boft", "IA3Module": "ia3", "NormModule": "norm",
}  # fmt: skip


def kind_of(adapter: Any) -> str:
    """Return an adapter's algorithm, as the setting `algo` names it (locon is lora); "norm" for those of train_norm."""
    return _KINDS[type(adapter).__name__]


def layer_of(adapter: Any) -> Any:
    """Return the layer of the model that an adapter is for."""
    return adapter.org_module[0]


def rank_of(adapter: Any) -> int:
    """Return an adapter's rank."""
    return adapter.lora_dim


def dora_axis(adapter: Any) -> str:
    """Return "rows" or "columns" of the weight, whose norms DoRA trains; "" without DoRA."""
    return ("rows" if adapter.wd_on_out else "columns") if getattr(adapter, "wd", False) else ""


def both_factors_whole(adapter: Any) -> bool:
    """Return whether an adapter is a LoKr of two full matrices: alpha plays no part in it."""
    return kind_of(adapter) == "lokr" and adapter.use_w1 and adapter.use_w2


def pair_of(adapter: Any) -> tuple[torch.nn.Parameter, torch.nn.Parameter] | None:
    """Return (up, down) of a LoRA, (out, rank, ...) and (rank, in, ...); None for other algorithms."""
    return (adapter.lora_up.weight, adapter.lora_down.weight) if hasattr(adapter, "lora_up") else None


def has_core(adapter: Any) -> bool:
    """Return whether there is a third, Tucker's core, between an adapter's two factors."""
    return adapter.tucker


def parameters_in_file(adapter: Any) -> int:
    """Return how many numbers an adapter takes in a file; IA3 has no format of its own: its file holds the whole change."""
    if kind_of(adapter) == "ia3":
        return torch.Size(adapter.shape).numel()
    return sum(p.numel() for p in adapter.parameters())


@dataclass(frozen=True, slots=True, kw_only=True)
class BypassForm:
    """What an adapter of lora, loha or lokr adds to its layer's output: base(x) + delta(x)."""

    kind: str
    """ "lora", "loha" or "lokr"."""
    base: Callable[[torch.Tensor], torch.Tensor]
    """The layer's own forward, as it is when it is called."""
    own_forward: Callable[[torch.Tensor], torch.Tensor]
    """The same as it is now, with the attributes that others have given it."""
    convolution: Mapping[str, Any] | None
    """Stride, padding, dilation and groups of a 2d convolution; None: a linear layer."""
    shape: tuple[int, ...]
    """Of the layer's weight."""
    factors: tuple[str, ...]
    """Names of the adapter's parameters that are multiplied; lokr's first factor stands before its second."""
    first: int = 0
    """How many of them make lokr's first factor."""


def bypass_form(adapter: Any) -> BypassForm | None:
    """Return an adapter's arithmetic; None where there is more to it (dropouts, Tucker, DoRA, 1d or 3d convolutions)."""
    kind = _KINDS.get(type(adapter).__name__, "")
    if kind not in ("lora", "loha", "lokr") or not adapter.bypass_mode or adapter.tucker or adapter.wd:
        return None
    dropout = adapter.dropout if kind == "lora" else adapter.drop
    if adapter.rank_dropout or adapter.module_dropout or not isinstance(dropout, torch.nn.Identity):
        return None
    if adapter.module_type not in ("linear", "conv2d"):
        return None
    convolution, first = adapter.kw_dict if adapter.module_type == "conv2d" else None, 0
    if kind == "lora":
        names, down = ("lora_down.weight", "lora_up.weight"), adapter.lora_down
        if convolution is not None:
            if not down.weight.ndim == adapter.lora_up.weight.ndim == 4:
                return None
            convolution = {name: getattr(down, name) for name in ("stride", "padding", "dilation", "groups")}
    elif kind == "loha":
        names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    else:
        mixing = ("lokr_w1",) if adapter.use_w1 else ("lokr_w1_a", "lokr_w1_b")
        names = (*mixing, *(("lokr_w2",) if adapter.use_w2 else ("lokr_w2_b", "lokr_w2_a")))
        first = len(mixing)
    return BypassForm(
        kind=kind,
        base=lambda x: adapter.org_forward(x),
        own_forward=adapter.org_forward,
        convolution=convolution,
        shape=tuple(adapter.shape),
        factors=names,
        first=first,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A layer and its adapter in place, for whoever compares the two."""

    adapter: torch.nn.Module  # its forward gives the trained layer's output
    layer: torch.nn.Module
    base_forward: Callable[[torch.Tensor], torch.Tensor]  # the layer's own
    taken: Mapping[str, torch.Tensor | None]  # weight and bias, where the algorithm full has taken them off the layer


def applied(adapter: Any) -> Applied:
    """Return an adapter that is in place with its layer."""
    layer, taken = layer_of(adapter), {}
    if kind_of(adapter) == "full":
        taken = {"weight": adapter.org_weight, "bias": adapter.org_bias[0] if adapter.org_bias is not None else None}
    return Applied(adapter=adapter, layer=layer, base_forward=adapter.org_forward, taken=taken)


def scale_of(adapter: Any) -> Any:
    """Return alpha / rank (rsLoRA: alpha / sqrt(rank)), by which an adapter's product is multiplied."""
    return adapter.scale


def weight_of(adapter: Any) -> torch.Tensor:
    """Return the weight of an adapter's layer, as the adapter sees it."""
    return adapter.org_weight


def change_of(adapter: Any) -> torch.Tensor:
    """Return the change of the weight by a lora, loha or lokr, without DoRA's norms; the shape may be flat."""
    if kind_of(adapter) == "lora":
        return adapter.make_weight() * adapter.scale
    # Not LyCORIS' get_diff_weight: for LoHa and LoKr it multiplies by alpha / rank twice.
    return adapter.get_weight(adapter.org_weight.shape) * adapter.scalar


def whole_change_of(adapter: Any) -> torch.Tensor:
    """Return the change of the weight by any other algorithm, in the shape of the weight."""
    return adapter.get_diff_weight()[0].float().view(adapter.org_weight.shape)


def dora_scale_of(adapter: Any) -> torch.nn.Parameter:
    """Return the norms that DoRA trains, (out, 1, ...) or (1, in, ...)."""
    return adapter.dora_scale


def rotation_of(adapter: Any) -> tuple[torch.Tensor, float]:
    """Return the blocks that OFT or BOFT trains and the constraint on their norm, 0 without one."""
    return adapter.oft_blocks, adapter.constraint


def alpha_in_file(adapter: Any) -> torch.Tensor:
    """Return the alpha that a DyLoRA at full rank has for others: LyCORIS divides it by the number of blocks, not by the rank."""
    return adapter.alpha * adapter.block_size
