"""Enter and leave training inside the host's process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import comfy.model_management as mm
import psutil
import torch

from . import determinism, rotary

FULL = ("out of memory", "cublas_status_alloc_failed", "cudnn_status_alloc_failed")
"""How libraries beside torch say it: CUDA itself, bitsandbytes and triton; cuBLAS; cuDNN."""


@contextmanager
def training() -> Iterator[None]:
    """The host runs every prompt in inference mode; training needs gradients, and models that know it.

    `in_training` keeps the host's models off fused paths that have no backward; that of rotations is given one. Sums that the
    host was told to make shorter (--fast) are whole again inside.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        determinism.in_training(mm.get_torch_device()),
        rotary.differentiable(),
    ):
        before, mm.in_training = mm.in_training, True
        try:
            yield
        finally:
            mm.in_training = before


def stop_if_interrupted() -> None:
    """Raise the host's interrupt, if the user asked for it (the host's progress bar checks too rarely)."""
    mm.throw_exception_if_processing_interrupted()


def interrupted() -> bool:
    """Whether the user has asked for it and nobody has stopped yet."""
    return mm.processing_interrupted()


def interrupt() -> None:
    """Ask for it: another process of the run was interrupted."""
    mm.interrupt_current_processing()


def give_way() -> None:
    """Take all models off the device: other processes need it."""
    mm.unload_all_models()
    free_memory()


def device() -> torch.device:
    """What the host computes on, and so what is trained on: not every GPU that is there is used (--cpu), nor is every one CUDA's."""
    return mm.get_torch_device()


def gpus() -> int | None:
    """How many the host's processes can train on; None if it computes on the CPU."""
    return torch.cuda.device_count() if mm.get_torch_device().type == "cuda" else None


def free_memory() -> None:
    """Give memory back: what nothing refers to any more, and what the device's cache holds."""
    gc.collect()
    mm.soft_empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device's memory was too small, by the error of torch or of a library; CUDA then knows nothing of it any more."""
    if mm.is_oom(error):
        return True
    full = isinstance(error, RuntimeError) and any(word in str(error).lower() for word in FULL)
    if full:
        mm.discard_cuda_async_error()  # else the next operation would fail by it
    return full


def device_name(device: torch.device) -> str:
    """What a device calls itself, such as 'NVIDIA GeForce RTX 4090'; 'cpu'."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def memory(device: torch.device) -> float:
    """Most that torch has held on a GPU since a step was tried or the model loaded, or what the process holds, in GB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return psutil.Process().memory_info().rss / 1e9


def total_memory(device: torch.device) -> int:
    """Bytes that a device has."""
    return mm.get_total_memory(device)


def room(device: torch.device) -> int:
    """Bytes that torch could hold on a device in all, next to other programs."""
    held = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
    return held + mm.get_free_memory(device)
