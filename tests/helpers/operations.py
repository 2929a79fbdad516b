"""Counts the operations that torch is asked for."""

from __future__ import annotations

from collections import Counter

from torch.utils._python_dispatch import TorchDispatchMode

SYNCS = {"_local_scalar_dense", "is_nonzero", "item", "nonzero", "equal", "masked_select", "unique"}
"""Operations that wait for the device."""


class Counted(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name in SYNCS or (not function.is_view and name not in ("_unsafe_view", "_reshape_alias")):
            self.calls[name] += 1
        return function(*args, **(kwargs or {}))

    @property
    def syncs(self):
        return {name: self.calls[name] for name in SYNCS if self.calls[name]}
