"""torch's switches for arithmetic that gives the same bytes twice, and those of the host that make sums shorter.

All of them belong to the process, and so to whatever else the user's server computes: they are put back afterwards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import torch

KINDS = ("cuda",)
"""Kinds of device with backward passes that add up in whatever order their threads come (attention, scattered sums). A CPU's
do not.
"""

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
REPRODUCIBLE = ":4096:8"
"""Eight buffers of 4 MiB for cuBLAS, with which its sums have one order (https://docs.nvidia.com/cuda/cublas, "Results
Reproducibility"). As large as torch's own choice on a Hopper, 24 MiB more than on older cards.
"""

_NO_FORM = re.compile(r"(\S+) does not have a deterministic implementation")

_outside: dict[str, Any] = {}
"""What the switches were before training, of those that training has set now: the server's own values."""


class _Switch(NamedTuple):
    read: Callable[[], Any]
    write: Callable[[Any], None]


def _attribute(holder: Any, name: str) -> _Switch:
    return _Switch(lambda: getattr(holder, name), lambda value: setattr(holder, name, value))


def _algorithms() -> tuple[bool, bool, bool]:
    """Inside, torch uses deterministic algorithms alone (or only warns of others), and its compiler follows suit."""
    import torch._inductor.config as inductor  # takes a second: not when the pack is loaded

    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    return torch.are_deterministic_algorithms_enabled(), warn_only, getattr(inductor, "deterministic", False)


def _set_algorithms(value: tuple[bool, bool, bool]) -> None:
    import torch._inductor.config as inductor

    torch.use_deterministic_algorithms(value[0], warn_only=value[1])
    if hasattr(inductor, "deterministic"):  # newer ones couple it to the switch above
        inductor.deterministic = value[2]


_SWITCHES: Mapping[str, _Switch] = {
    "algorithms": _Switch(_algorithms, _set_algorithms),
    "fill": _attribute(torch.utils.deterministic, "fill_uninitialized_memory"),
    "cudnn_deterministic": _attribute(torch.backends.cudnn, "deterministic"),
    "cudnn_benchmark": _attribute(torch.backends.cudnn, "benchmark"),
    "fp16_sums": _attribute(torch.backends.cuda.matmul, "allow_fp16_accumulation"),
    "short_attention_sums": _Switch(
        torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed, torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp
    ),
}

_IN_TRAINING: Mapping[str, Any] = {
    # --fast fp16_accumulation: matrix products summed in fp16. Gradients drown in it, and overflow.
    "fp16_sums": False,
    # The host switches it on: torch's plain attention, where no fast kernel fits, then adds up in 16 bits.
    "short_attention_sums": False,
    # --fast autotune: the algorithm of a convolution is picked by a stop-watch, another one in the next process.
    "cudnn_benchmark": False,
}

_DETERMINISTIC: Mapping[str, Any] = {
    "cudnn_benchmark": False,
    "cudnn_deterministic": True,
    # Not warn_only, as the host's --deterministic has it: attention would stay as it is.
    "algorithms": (True, False, True),
    # Memory that nobody reads before it is written to need not be filled.
    "fill": False,
}


def prepare() -> None:
    """Ask cuBLAS for sums in one order, which it reads once, when it starts; what the user has set stays."""
    os.environ.setdefault(WORKSPACE, REPRODUCIBLE)


def applies(device: torch.device) -> bool:
    """Return whether deterministic algorithms differ from the usual ones on this device."""
    return device.type in KINDS


@contextmanager
def in_training(device: torch.device) -> Iterator[None]:
    """Inside, sums are as exact as torch computes them by default, whatever ComfyUI was started with; for all of training."""
    with _set(_IN_TRAINING if applies(device) else {}):
        yield


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Inside, the same computation gives the same bytes, and an operation that cannot raises an error (see `missing`)."""
    if applies(device):
        prepare()
    with _set(_DETERMINISTIC if applies(device) else {}):
        yield


def outside_training() -> AbstractContextManager[None]:
    """Inside, torch is set as the user's server has it outside of training: for pictures that are drawn in between."""
    return _set(dict(_outside))


def missing(error: BaseException) -> str:
    """Return the operation that has no deterministic form, if `error` says so; '' if the error is about something else."""
    message = str(error)
    if not isinstance(error, RuntimeError):
        return ""
    if WORKSPACE in message:
        return f"cuBLAS, which had started before {WORKSPACE} was {REPRODUCIBLE},"
    match = _NO_FORM.search(message)
    return match[1] if match else ""


@contextmanager
def _set(wanted: Mapping[str, Any]) -> Iterator[None]:
    before: dict[str, Any] = {}
    for name in wanted:
        try:
            before[name] = _SWITCHES[name].read()
        except AttributeError:  # an older torch does not have it
            continue
    first = {name: value for name, value in before.items() if name not in _outside}
    _outside.update(first)
    try:
        for name in before:
            _SWITCHES[name].write(wanted[name])
        yield
    finally:
        for name, value in before.items():
            _SWITCHES[name].write(value)
        for name in first:
            _outside.pop(name, None)
