"""Makes LyCORIS' networks: the only file that imports it, written against lycoris-lora 4.1; `adapter` reads what it has made.

Two things are done in another way than LyCORIS does them. It keeps its preset in class attributes, which the whole
process shares: they are set while a network is made, and put back. And it forms weights in the base's number format,
where bfloat16 rounds most of a young change to zero (W + delta - W) and fp8 has no arithmetic at all: `in_float32`
mends that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, cast

import torch

from .. import imports, packages, packed
from ..errors import AthanorError, shortened
from ..settings import NetworkSettings
from .adapter import dora_axis, kind_of, layer_of

BYPASS = ("lora", "locon", "loha", "lokr")
"""Algorithms that add to a layer's output, and need nothing of its weight."""

WITH_DROPOUT = ("lora", "locon")
"""Algorithms that `dropout`, `scale_weight_norms` and `loraplus_lr_ratio` are for."""


def needs_no_weights(settings: NetworkSettings) -> bool:
    """Return whether a network runs in LyCORIS' bypass form, base(x) + delta(x), for which any base will do."""
    return settings.algo in BYPASS and not settings.dora


def create(module: torch.nn.Module, prefix: str, settings: NetworkSettings, preset: Mapping[str, Any]) -> Any:
    """Make a LyCORIS network for a module, its start values drawn from torch's generator; not applied yet.

    Args:
        prefix: what its adapters' names begin with.
        preset: LyCORIS' class attributes (`presets.attributes`).

    Raises:
        ValueError: LyCORIS refuses a layer, as boft does where the rank does not divide it.
    """
    LycorisNetwork = _wrapper().LycorisNetwork
    with _class_attributes(LycorisNetwork, {**preset, "LORA_PREFIX": prefix}), _quiet():
        make: Any = LycorisNetwork  # its hints say int where it takes any number
        network = make(
            module,
            lora_dim=settings.rank,
            alpha=settings.alpha,
            conv_lora_dim=settings.conv_rank,
            conv_alpha=settings.conv_alpha,
            dropout=_dropout(settings),
            rank_dropout=settings.rank_dropout,
            module_dropout=settings.module_dropout,
            network_module=settings.algo,
            use_tucker=settings.use_tucker,
            warn_on_unmatched=False,
            **_options(settings, text=prefix.startswith("lora_te")),
        )
    # DiT norms often have no weights of their own: there is nothing to train in them.
    network.loras = [a for a in network.loras if not a.not_supported and layer_of(a).weight is not None]
    return network


def resized(adapter: Any, settings: NetworkSettings, rank: int, alpha: float) -> Any:
    """Make another adapter for the same layer of a diffusion model, of another rank and alpha."""
    with _quiet():
        return _wrapper().network_module_dict[settings.algo](
            adapter.lora_name,
            layer_of(adapter),
            1.0,
            rank,
            alpha,
            _dropout(settings),
            settings.rank_dropout,
            settings.module_dropout,
            settings.use_tucker,
            **_options(settings, text=False),
        )


def _wrapper() -> Any:
    """Return LyCORIS' module of networks: it takes seconds to import, and is not before it is needed.

    LyCORIS loads bitsandbytes to know quantised layers by its classes, and that may look for kernels on the internet. A model
    can have such layers only where something else has loaded it: then LyCORIS is told its classes.
    """
    try:
        with imports.without(*(() if "bitsandbytes" in sys.modules else ("bitsandbytes",))):
            import lycoris.wrapper
    except ImportError as error:
        how = packages.pip("lycoris-lora")
        raise AthanorError(f"lycoris-lora does not load ({shortened(error, 200)}): install it with '{how}'.") from None
    theirs, base = sys.modules.get("bitsandbytes.nn"), cast(Any, sys.modules["lycoris.modules.base"])
    classes = [getattr(theirs, name, None) for name in ("Linear8bitLt", "LinearFP4", "LinearNF4")]
    base.QuantLinears += tuple(kind for kind in classes if kind and kind not in base.QuantLinears)
    return lycoris.wrapper


def _dropout(settings: NetworkSettings) -> float:
    return settings.dropout if settings.algo in WITH_DROPOUT else 0.0


def _options(settings: NetworkSettings, text: bool) -> dict[str, Any]:
    return {
        "train_norm": settings.train_norm and not text,  # no LoRA format has names for a text encoder's norms
        "weight_decompose": settings.dora,
        "wd_on_out": settings.wd_on_output,
        "rs_lora": settings.rs_lora,
        "decompose_both": settings.decompose_both,
        "full_matrix": settings.full_matrix,
        "factor": settings.factor,
        "block_size": settings.block_size,
        "constraint": settings.constraint,
        "bypass_mode": needs_no_weights(settings),
    }


@contextmanager
def _class_attributes(kind: type, values: Mapping[str, Any]) -> Iterator[None]:
    """Inside, LyCORIS' network class has these attributes."""
    before = {name: getattr(kind, name) for name in values}
    try:
        for name, value in values.items():
            setattr(kind, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(kind, name, value)


def _quiet() -> AbstractContextManager[None]:
    """Inside, LyCORIS writes errors alone into the log: it reports dozens of lines on each network."""
    return imports.errors_alone("LyCORIS")


def float32_weight(layer: Any) -> torch.Tensor:
    """Return a layer's frozen weight in float32, whatever it is stored as."""
    weight = layer.weight
    if packed.is_packed(weight):
        return packed.unpacked(layer, torch.float32, weight.device)[0]
    quantised = type(weight) not in (torch.Tensor, torch.nn.Parameter)
    return (weight.dequantize() if quantised else weight).detach().float()


def in_float32(adapter: Any) -> None:
    """Let an adapter, not applied yet, form its weights in float32, and cast what is left, the change, to its input's format."""
    adapter.__class__ = _float32_class(type(adapter))
    adapter.op = _in_the_format_of_its_input(adapter.op)


@cache
def _float32_class(kind: type) -> type:
    """Return the same class (of the same name, by which others know it) that sees the base's weight in float32."""
    if kind.__name__ == "FullModule":  # has taken the weight into itself
        return kind

    def current(self: Any) -> torch.Tensor:
        return float32_weight(layer_of(self))

    def forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return kind.forward(self, x, *args, **kwargs).to(x.dtype)

    return type(
        kind.__name__, (kind,), {"org_weight": property(current), "_current_weight": current, "forward": forward}
    )


def _in_the_format_of_its_input(op: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def call(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        def cast(value: Any) -> Any:
            return value.to(x.dtype) if isinstance(value, torch.Tensor) else value

        return op(x, *map(cast, args), **{name: cast(value) for name, value in kwargs.items()})

    return call


def draw_ranks_from_torch(adapter: Any) -> None:
    """Let DyLoRA draw its rank from torch's generator, which a step seeds, and use all of it outside of training."""
    if kind_of(adapter) != "dylora":
        return

    def draw() -> Any:
        last = adapter.block_count - 1
        block = int(torch.randint(0, last + 1, ())) if adapter.training else last
        return adapter.get_weight(block * adapter.block_size)

    adapter.get_random_rank_weight = draw


def start_dora(adapter: Any) -> None:
    """Give a new DoRA adapter the norms of its layer's weight: LyCORIS takes those of the bytes where a weight is packed."""
    axis, layer = dora_axis(adapter), layer_of(adapter)
    if not axis or not packed.is_packed(layer.weight):
        return
    weight = float32_weight(layer)
    one = [1] * (weight.ndim - 1)
    rows = weight.flatten(1).norm(dim=1).view(-1, *one)
    columns = weight.transpose(0, 1).flatten(1).norm(dim=1).view(1, -1, *one[1:])
    adapter.dora_scale = torch.nn.Parameter((rows if axis == "rows" else columns).cpu())
