"""Attention while a model is trained: torch's own, which has a backward pass on every device and with every mask."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import Any

import comfy.model_management as mm
import torch
from comfy.ldm.modules.attention import attention_pytorch

from . import stand_ins

log = logging.getLogger("athanor")

WITHOUT_OPTIONS = ("comfy.ldm.pixart.blocks", "comfy.ldm.hydit.attn_layers", "comfy.ldm.hydit.poolers")
"""Modules that do not hand a model's options on to its attention, so that an override is unknown there."""


class Attention:
    """Stands in for the attention that the host has chosen for sampling, and logs once what is used instead.

    The host's choices for sampling have no backward pass (sub-quadratic, sage) or are no faster than torch's kernels.
    Among those torch takes the first that can: flash, cuDNN, memory-efficient, plain, in the host's order.
    """

    def __init__(self) -> None:
        self._told = False

    def __call__(
        self, chosen: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int, *args: Any, **kwargs: Any
    ) -> Any:
        """Return what `chosen` would give: (B, tokens, heads * width), or as its keywords say."""
        if not torch.compiler.is_compiling() and not self._told:  # a line in the log would cut the graph
            self._told = True
            log.info(
                "Athanor: training uses torch's scaled_dot_product_attention (%s) instead of ComfyUI's %s",
                kernel(q, k, v, heads, kwargs),
                chosen.__name__,
            )
        return attention_pytorch(q, k, v, heads, *args, **kwargs)


def overriding(ours: Attention) -> AbstractContextManager[None]:
    """Inside, the modules of `WITHOUT_OPTIONS` use `ours` while `in_training`, as the others do by the model's options."""

    def instead(chosen: Any) -> Any:
        return lambda *args, **kwargs: ours(chosen, *args, **kwargs) if mm.in_training else chosen(*args, **kwargs)

    return stand_ins.replaced({f"{module}.optimized_attention": instead for module in WITHOUT_OPTIONS})


def kernel(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int, options: dict[str, Any]) -> str:
    """Return which of torch's kernels takes these tensors, in words for the log."""
    if q.device.type != "cuda":
        return f"on {q.device.type}, {str(q.dtype).removeprefix('torch.')}"
    if not options.get("skip_reshape"):
        q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    mask = options.get("mask")
    cuda = torch.backends.cuda
    params = cuda.SDPAParams(q, k, v, mask, 0.0, False, bool(options.get("enable_gqa")))
    able = (
        ("flash", cuda.can_use_flash_attention),
        ("cuDNN", cuda.can_use_cudnn_attention),
        ("memory-efficient", cuda.can_use_efficient_attention),
    )
    name = next((name for name, can in able if can(params)), "plain, which is slow (half precision is faster)")
    return f"{name} kernel, {str(q.dtype).removeprefix('torch.')}"
