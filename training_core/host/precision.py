"""The number format that a model computes in while it is trained (mixed_precision), and float32 with all of its digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_management as mm
import torch

COMPUTE = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def compute_dtype(model: Any, mixed_precision: str) -> torch.dtype:
    """Return the number format that a MODEL will compute in while it is trained.

    auto: the host's choice, but bfloat16 for its float16 where the device has both and the family knows it: gradients need
    bfloat16's range.
    """
    if mixed_precision in COMPUTE:
        return COMPUTE[mixed_precision]
    chosen: torch.dtype = model.model.get_dtype_inference()
    known = model.model.model_config.supported_inference_dtypes
    if chosen == torch.float16 and torch.bfloat16 in known and mm.should_use_bf16(model.load_device):
        return torch.bfloat16
    return chosen


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, convolutions and products in float32 keep all of its digits on NVIDIA.

    torch lets cuDNN round what convolutions multiply to TF32, 11 bits, by itself; other nodes let cuBLAS do so.
    """
    with (
        _put_back(lambda: torch.backends.cudnn.allow_tf32, _convolutions, False),
        _put_back(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    ):
        yield


def _convolutions(rounded: bool) -> None:
    torch.backends.cudnn.allow_tf32 = rounded


@contextmanager
def _put_back(read: Callable[[], Any], write: Callable[[Any], None], value: Any) -> Iterator[None]:
    """Inside, one of torch's switches has this value; its old value comes back afterwards."""
    try:
        before = read()
    except RuntimeError:  # another node has set it by torch's newer names, kind by kind: its choice
        yield
        return
    write(value)
    try:
        yield
    finally:
        write(before)
