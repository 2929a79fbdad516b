"""The number format that a model computes in while it is trained (mixed_precision)."""

from __future__ import annotations

from typing import Any

import comfy.model_management as mm
import torch

COMPUTE = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def compute_dtype(model: Any, mixed_precision: str) -> torch.dtype:
    """Number format that a MODEL will compute in while it is trained.

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
