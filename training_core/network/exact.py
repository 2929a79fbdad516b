"""LyCORIS' modules beside a base in any number format: bfloat16, fp8, quantised, or another than the arithmetic's.

LyCORIS forms its weights in the base's format. A bfloat16 base rounds most of a young delta to zero (W + delta - W), fp8
has no arithmetic at all, and a base that is cast as it is used does not fit what it meets. Here weights are formed in
float32, and what is left, the delta alone, is cast to the input's format.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from .. import packed


def dequantised(layer: torch.nn.Module) -> torch.Tensor:
    """A layer's frozen weight in float32, whatever it is stored as."""
    weight = layer.weight
    if packed.is_packed(weight):
        return packed.unpacked(layer, torch.float32, weight.device)[0]
    quantised = type(weight) not in (torch.Tensor, torch.nn.Parameter)
    return (weight.dequantize() if quantised else weight).detach().float()


def exact(lora: Any) -> None:
    """Let a LyCORIS module, not applied yet, form its weights in float32."""
    lora.__class__ = _exact_class(type(lora))
    lora.op = _in_the_format_of_its_input(lora.op)


def begin_dora(lora: Any) -> None:
    """Give a new DoRA module the norms that it starts with: LyCORIS takes those of the bytes where a weight is packed."""
    layer = lora.org_module[0]
    if not getattr(lora, "wd", False) or not packed.is_packed(layer.weight):
        return
    weight = dequantised(layer)
    one = [1] * (weight.ndim - 1)
    rows = weight.flatten(1).norm(dim=1).view(-1, *one)
    columns = weight.transpose(0, 1).flatten(1).norm(dim=1).view(1, -1, *one[1:])
    lora.dora_scale = torch.nn.Parameter((rows if lora.wd_on_out else columns).cpu())


@cache
def _exact_class(kind: type) -> type:
    """The same class (of the same name, by which others know it) that sees the base's weight in float32."""
    if kind.__name__ == "FullModule":  # has taken the weight into itself
        return kind

    def current(self: Any) -> torch.Tensor:
        return dequantised(self.org_module[0])

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
