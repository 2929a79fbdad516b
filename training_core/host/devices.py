"""The device that ComfyUI computes on and its memory, in bytes unless the name says otherwise."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

import comfy.model_management as mm
import psutil
import torch

from ..byte_size import GB

_FULL = ("out of memory", "cublas_status_alloc_failed", "cudnn_status_alloc_failed")
"""Words of errors by which libraries beside torch tell it: CUDA itself, bitsandbytes and triton; cuBLAS; cuDNN."""


_advised: list[str] = []
"""What `advice_on_threads` has returned since ComfyUI was started."""


def compute_device() -> torch.device:
    """Return what ComfyUI computes on, and so what is trained on: not always a GPU that is there (--cpu), nor always CUDA."""
    return mm.get_torch_device()


def gpu_count() -> int | None:
    """Return how many GPUs ComfyUI's processes can train on; None if it computes on the CPU."""
    return torch.cuda.device_count() if mm.get_torch_device().type == "cuda" else None


def name_of(device: torch.device) -> str:
    """Return what a device calls itself, such as 'NVIDIA GeForce RTX 4090'; 'cpu' for a CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def advice_on_threads() -> list[str]:
    """Return once, as a list of one, what makes work on the CPU slow beside other programs; else [].

    PyTorch for Linux computes with libgomp, whose threads spin while they wait for each other: a thread that waits for one
    that another program keeps from the core burns the time that this one needs. Measured with two threads on two cores: 0.6
    to 1.5 steps a second, and 9.4 to 10.4 with threads that sleep. libgomp reads the variable when it is loaded.
    """
    on_cpu = sys.platform == "linux" and compute_device().type == "cpu" and torch.get_num_threads() > 1
    if not on_cpu or _advised or os.environ.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}:
        return []
    _advised.append(
        "ComfyUI computes on the CPU, whose threads wait without sleeping: beside other programs this is up to ten times "
        "slower; set the environment variable OMP_WAIT_POLICY=PASSIVE before it starts."
    )
    return list(_advised)


def unload_models() -> None:
    """Take all models off the device, since other processes need it."""
    mm.unload_all_models()
    free_memory()


def make_room(size: int, device: torch.device) -> None:
    """Take models off a GPU until it has so many bytes free, or none is left; on a CPU nothing happens."""
    if device.type != "cpu":
        mm.free_memory(size, device)


def free_memory() -> None:
    """Give back what nothing refers to any more, and what the device's cache holds."""
    gc.collect()
    mm.soft_empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the device's memory was too small, by the error of torch or of a library.

    CUDA's record of such an error is cleared: the next operation would fail by it.
    """
    if mm.is_oom(error):
        return True
    full = isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _FULL)
    if full:
        mm.discard_cuda_async_error()
    return full


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that torch has held on a GPU since `forget_peak_memory`; 0 on other devices."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def forget_peak_memory(device: torch.device) -> None:
    """Let `peak_memory` count from now on."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_gigabytes(device: torch.device) -> float:
    """Return `peak_memory` in GB, on a CPU what the process holds now."""
    return (peak_memory(device) if device.type == "cuda" else psutil.Process().memory_info().rss) / GB


def total_memory(device: torch.device) -> int:
    """Return the bytes that a device has."""
    size: Any = mm.get_total_memory(device)
    return size


def available_memory(device: torch.device) -> int:
    """Return the bytes that torch could hold on a device in all, beside other programs."""
    allocated = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
    free: Any = mm.get_free_memory(device)
    return allocated + free


def free_memory_of_computer() -> int:
    """Return the bytes of the computer's own memory that programs can still have."""
    return psutil.virtual_memory().available
