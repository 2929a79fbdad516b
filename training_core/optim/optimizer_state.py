"""Write an optimizer's whole state as tensors and plain values, and read it back: bit for bit, without pickle.

torch's own state_dict is not enough for this: loading it casts a state to its parameter's type, and it leaves out
what an optimizer keeps in attributes of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch

from .. import advice
from ..errors import AthanorError

FORMAT = 1
_OF_THIS_MACHINE = ("params", "fused", "foreach", "capturable")  # how a step is computed, not what
_TORCH_ATTRIBUTES = frozenset(vars(torch.optim.Optimizer([torch.nn.Parameter(torch.zeros(1))], {})))


class _NotPlain(Exception):
    """Raised for a value that is no tensor, number, text or collection of them."""


class _Packer:
    """Replaces tensors by their names; one that is used in several places (8-bit code books) is kept once."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._names: dict[int, str] = {}

    def pack(self, value: Any, device: torch.device) -> Any:
        """Return `value` in JSON's own types; what JSON lacks becomes {"kind": content}.

        Args:
            value: what to pack.
            device: of the parameter that it belongs to: a tensor elsewhere (a step counter on the CPU) is noted as such.
        """
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": str(float(value))}
        if isinstance(value, torch.Tensor):
            return self._tensor(value, device)
        if isinstance(value, (list, tuple)):
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [self.pack(item, device) for item in value]}
        if isinstance(value, dict):
            return {"dict": [[self.pack(key, device), self.pack(item, device)] for key, item in value.items()]}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        raise _NotPlain(type(value).__name__)

    def _tensor(self, value: torch.Tensor, device: torch.device) -> dict[str, Any]:
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"{len(self.tensors):06d}"
            self.tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        described: dict[str, Any] = {"tensor": name}
        if getattr(value, "is_paged", False):
            described["paged"] = True
        elif value.device.type == "cpu" and device.type != "cpu":
            described["cpu"] = True
        return described


class _Unpacker:
    """Turns packed values back; a tensor that was used in several places is shared again."""

    def __init__(self, tensors: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer) -> None:
        self._tensors, self._optimizer = tensors, optimizer
        self._made: dict[tuple[str, torch.device], torch.Tensor] = {}

    def unpack(self, value: Any, device: torch.device) -> Any:
        """Return what `_Packer.pack` was given, with tensors on `device`."""
        if not isinstance(value, dict):
            return value
        if "tensor" in value:
            return self._tensor(value, device)
        ((kind, content),) = value.items()
        if kind == "float":
            return float(content)
        if kind == "dtype":
            return getattr(torch, content)
        if kind == "dict":
            return {self.unpack(key, device): self.unpack(item, device) for key, item in content}
        items = [self.unpack(item, device) for item in content]
        return items if kind == "list" else tuple(items)

    def _tensor(self, value: dict[str, Any], device: torch.device) -> torch.Tensor:
        device = torch.device("cpu") if value.get("cpu") else device
        key = (value["tensor"], device)
        if key not in self._made:
            stored = self._tensors[value["tensor"]]
            if value.get("paged") and device.type == "cuda":
                self._made[key] = _paged(self._optimizer, stored, device)
            else:
                self._made[key] = stored.to(device, copy=True)
        return self._made[key]


def _paged(optimizer: torch.optim.Optimizer, stored: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy a tensor into bitsandbytes' paged memory (a CPU tensor to torch), where its paged optimizers expect it."""
    import bitsandbytes.functional as functional

    buffer = functional.get_paged(*stored.shape, dtype=stored.dtype, device=device)
    buffer.copy_(stored)
    cast(Any, optimizer).page_mng.paged_tensors.append(buffer)
    return buffer


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def pack(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return everything that the optimizer will use in later steps, except the parameters themselves.

    A schedule-free optimizer is packed in train mode, together with the parameters as they are then: the averaged
    weights cannot be turned back into them exactly.

    Returns:
        tensors: contiguous copies on the CPU that share no memory, fit for safetensors.
        plain: JSON's own types only (no infinity, no tuples).

    Raises:
        AthanorError: the optimizer keeps something that is no tensor, number or text.
    """
    packer = _Packer()
    parameters = _parameters(optimizer)
    index = {id(p): i for i, p in enumerate(parameters)}
    home = parameters[0].device
    states, others = [], []
    try:
        for key, state in optimizer.state.items():
            if id(key) in index:
                states.append([index[id(key)], packer.pack(dict(state), key.device)])
            else:  # some optimizers keep a state of the whole under a name
                others.append([packer.pack(key, home), packer.pack(state, home)])
        groups = [
            {
                "count": len(group["params"]),
                "values": packer.pack({k: v for k, v in group.items() if k != "params"}, home),
            }
            for group in optimizer.param_groups
        ]
    except _NotPlain as error:
        name = type(optimizer).__name__
        raise AthanorError(
            f"optimizer_type: {name} keeps a {error} in its state, which cannot be saved; a run with it cannot be resumed."
        ) from None
    attributes = {}
    for name, value in vars(optimizer).items():
        if name not in _TORCH_ATTRIBUTES and isinstance(value, (bool, int, float, torch.Tensor)):
            attributes[name] = packer.pack(value, home)
    plain = {
        "format": FORMAT,
        "class": type(optimizer).__name__,
        "state": states,
        "other_state": others,
        "groups": groups,
        "attributes": attributes,
    }
    return packer.tensors, plain


def unpack(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> None:
    """Give a new optimizer over the same parameters the state that `pack` took, on its parameters' own devices.

    Raises:
        AthanorError: the state is of another optimizer, or of other parameters.
    """
    name = type(optimizer).__name__
    if plain.get("format") != FORMAT:
        raise AthanorError(
            f"The optimizer's saved state was made by another version of Athanor; {advice.switch_on('retrain')}."
        )
    if plain["class"] != name:
        raise AthanorError(
            f"optimizer_type is {name}, but the saved state is of {plain['class']}; set optimizer_type to that."
        )
    counts = [len(group["params"]) for group in optimizer.param_groups]
    if counts != [group["count"] for group in plain["groups"]]:
        raise AthanorError(
            f"The optimizer's saved state belongs to another network: it has {sum(g['count'] for g in plain['groups'])} "
            f"parameters in {len(plain['groups'])} groups, this one {sum(counts)} in {len(counts)}."
        )
    parameters = _parameters(optimizer)
    home = parameters[0].device
    unpacker = _Unpacker(tensors, optimizer)
    optimizer.state.clear()
    for i, state in plain["state"]:
        optimizer.state[parameters[i]] = unpacker.unpack(state, parameters[i].device)
    for key, state in plain["other_state"]:
        optimizer.state[unpacker.unpack(key, home)] = unpacker.unpack(state, home)
    for group, saved in zip(optimizer.param_groups, plain["groups"], strict=True):
        of_this_machine = {name: group[name] for name in _OF_THIS_MACHINE if name in group}
        group.clear()
        group.update(unpacker.unpack(saved["values"], home) | of_this_machine)
    for attribute, value in plain["attributes"].items():
        setattr(optimizer, attribute, unpacker.unpack(value, home))
