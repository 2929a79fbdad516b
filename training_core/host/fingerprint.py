"""Recognise a MODEL, CLIP or VAE by its content, quickly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

SAMPLES = 64
"""Elements looked at per tensor: a changed model differs nearly everywhere, and 5 GB need not be read for it."""


def _digest(hasher: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        hasher.update(repr((tuple(value.shape), str(value.dtype))).encode())
        try:
            flat = value.detach().reshape(-1)
            picks = flat[:: max(1, flat.numel() // SAMPLES)][:SAMPLES].float()
        except (NotImplementedError, RuntimeError):  # quantised tensors that cannot be sliced: shape and type alone
            return
        hasher.update(picks.cpu().numpy().tobytes())
    elif isinstance(value, torch.nn.Module):
        _digest(hasher, value.state_dict())
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            hasher.update(str(key).encode())
            _digest(hasher, value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            _digest(hasher, item)
    elif hasattr(value, "weights"):  # a weight adapter: a LoRA that the graph has patched in
        hasher.update(type(value).__name__.encode())
        _digest(hasher, value.weights)
    else:
        plain = value is None or isinstance(value, (bool, int, float, str))
        hasher.update((repr(value) if plain else type(value).__name__).encode())


def fingerprint(model: Any, clip: Any, vae: Any) -> str:
    """SHA-256 over sampled weights of all three, their LoRA patches, sampling patches and clip skip."""
    hasher = hashlib.sha256()
    with torch.no_grad():
        for patcher in (model, clip.patcher, vae.patcher):
            # Loaded or not, the weights as on disk: what is patched in right now is kept in `backup`.
            state = dict(patcher.model.state_dict())
            state.update({key: saved.weight for key, saved in patcher.backup.items() if key in state})
            _digest(hasher, state)
            _digest(hasher, patcher.patches)
            _digest(hasher, {key: patch for key, patch in patcher.object_patches.items() if key == "model_sampling"})
    hasher.update(repr(clip.layer_idx).encode())
    return hasher.hexdigest()
