"""Recognise a MODEL, CLIP or VAE by its content, quickly."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..packed import as_plain, is_packed
from . import same_file, vae_float32
from .usable import usable

SAMPLES = 64
"""Elements looked at per tensor: a changed model differs nearly everywhere, and 5 GB need not be read for it."""


LACKING = ("text_projection.weight", "logit_scale")
"""Weights of CLIP that SDXL and SD3 checkpoints lack and the host does not use: what stands there is whatever was in memory."""


def _plain(value: Any) -> list[torch.Tensor]:
    """Return the tensors that a quantised one is made of (its numbers and scales), or the tensor itself."""
    if not hasattr(value, "__tensor_flatten__"):
        return [value]
    names, _ = value.__tensor_flatten__()
    return [part for name in names for part in _plain(getattr(value, name))]


def _digest(hasher: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        hasher.update(repr((tuple(value.shape), str(value.dtype))).encode())
        for part in [] if value.is_meta else _plain(value):
            flat = as_plain(part.detach()).reshape(-1)
            step = max(1, flat.numel() // SAMPLES)
            step |= is_packed(value)  # else the same byte of every row: their lengths are even
            hasher.update(flat[::step][:SAMPLES].float().cpu().numpy().tobytes())
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
    elif isinstance(value, (types.FunctionType, types.MethodType)):  # a patch of another node, with what it closes over
        hasher.update(f"{value.__module__}.{value.__qualname__}".encode())
        inner = getattr(value, "__func__", value)
        _digest(hasher, [cell.cell_contents for cell in inner.__closure__ or () if _is_shown(cell)])
        _digest(hasher, inner.__defaults__ or ())
    else:
        plain = value is None or isinstance(value, (bool, int, float, str))
        hasher.update((repr(value) if plain else type(value).__name__).encode())
        if not plain and hasattr(value, "__dict__"):
            _digest(hasher, {k: v for k, v in vars(value).items() if isinstance(v, _SHOWN)})


_SHOWN = (bool, int, float, str, torch.Tensor)
"""What is looked at inside objects and functions of other nodes."""


def _is_shown(cell: Any) -> bool:
    try:
        return isinstance(cell.cell_contents, _SHOWN)
    except ValueError:  # an empty cell
        return False


def _patcher(hasher: Any, patcher: Any) -> None:
    # Loaded or not, the weights as on disk: what is patched in right now is kept in `backup`.
    state = {
        key: value
        for key, value in patcher.model.state_dict().items()
        if not key.startswith("model_sampling.") and not key.endswith(LACKING)
    }
    _see_packed(patcher.model, state)
    state.update({key: saved.weight for key, saved in patcher.backup.items() if key in state})
    state.update({key: saved for key, saved in getattr(patcher, "backup_buffers", {}).items() if key in state})
    _digest(hasher, state)
    _digest(hasher, patcher.patches)
    if hasattr(patcher.model, "model_sampling"):  # the patcher's own: the model may hold that of a clone loaded last
        sampling = patcher.get_model_object("model_sampling")
        hasher.update(repr([kind.__name__ for kind in type(sampling).__mro__]).encode())
        _digest(hasher, sampling)


def _see_packed(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Put packed weights themselves into `state`, where `state_dict` gave stand-ins without memory (GGUF).

    It may also name tensors that are none, for the host to reckon with (GGUF: room to unpack the largest).
    """
    own = dict(model.named_parameters())
    for key in [key for key, value in state.items() if value.is_meta]:
        if key not in own:
            del state[key]
        elif is_packed(own[key]):
            state[key] = own[key]


def fingerprint(model: Any, clip: Any, vae: Any) -> str:
    """Return the SHA-256 over sampled weights of all three, their LoRA patches, sampling patches and clip skip."""
    hasher = hashlib.sha256()
    with torch.no_grad():
        for patcher in (model, clip.patcher, vae.patcher):
            _patcher(hasher, patcher)
    hasher.update(repr(clip.layer_idx).encode())
    return hasher.hexdigest()


def diffusion_model(model: Any) -> str:
    """Return the SHA-256 of what a picture depends on: sampled weights, LoRA patches, sampling and other patches of the graph."""
    hasher = hashlib.sha256()
    with torch.no_grad():
        _patcher(hasher, model)
        _digest(hasher, model.model_options)
    return hasher.hexdigest()


def latent(samples: dict[str, Any]) -> str:
    """Return the SHA-256 of a LATENT: all its numbers, its mask and batch indices."""
    hasher = hashlib.sha256()
    for name, value in sorted(samples.items()):
        hasher.update(name.encode())
        if isinstance(value, torch.Tensor):
            hasher.update(value.detach().float().cpu().contiguous().numpy().tobytes())
        else:
            _digest(hasher, value)
    return hasher.hexdigest()


def file(path: Path) -> str:
    """Return the SHA-256 of a model file's size, time and header: a file that was replaced under its name is another one.

    One whose metadata alone was changed by this pack is the same.
    """
    return same_file.identity(path, _file)


def write_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    """Write other metadata into a safetensors file of a run; `file` takes it for the same one afterwards."""
    same_file.write_metadata(path, metadata, _file)


def _file(path: Path) -> str:
    stat = path.stat()
    hasher = hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    with path.open("rb") as opened:
        start = opened.read(8)
        length = min(int.from_bytes(start, "little"), 100_000_000) if path.suffix == ".safetensors" else 2**16
        hasher.update(start + opened.read(length))
    return hasher.hexdigest()


def text_encoder(clip: Any) -> str:
    """Return the SHA-256 of what a caption's encoding depends on: sampled weights, LoRA patches, layer and tokenizer options."""
    hasher = hashlib.sha256()
    with torch.no_grad():
        _patcher(hasher, clip.patcher)
    options = getattr(clip, "tokenizer_options", {})
    hasher.update(repr((type(clip.tokenizer).__name__, clip.layer_idx, sorted(options.items()))).encode())
    return hasher.hexdigest()


def models(model: Any, clip: Any, vae: Any) -> str:
    """Return the SHA-256 of a MODEL and, where there are any, its CLIP and VAE."""
    parts = [diffusion_model(model), clip and text_encoder(clip), vae and autoencoder(vae)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def value(anything: Any) -> str | None:
    """Return the SHA-256 of what travels through a graph: models by their weights and patches, pictures and latents by all their
    numbers; None for things of which this is not known."""
    if hasattr(anything, "patches") and hasattr(anything, "model_options"):
        return diffusion_model(anything)
    if hasattr(anything, "patcher") and hasattr(anything, "tokenizer"):
        return text_encoder(anything)
    if hasattr(anything, "first_stage_model"):
        return value(None) if usable("vae", anything) is None else autoencoder(anything)
    if isinstance(anything, torch.Tensor):
        hasher = hashlib.sha256(repr((tuple(anything.shape), str(anything.dtype))).encode())
        for part in _plain(anything):
            hasher.update(part.detach().contiguous().reshape(-1).view(torch.uint8).cpu().numpy().data)
        return hasher.hexdigest()
    if isinstance(anything, Mapping):
        items = [(str(key), value(anything[key])) for key in sorted(anything, key=str)]
    elif isinstance(anything, (list, tuple)):
        items = [("", value(item)) for item in anything]
    elif anything is None or isinstance(anything, (bool, int, float, str)):
        items = [(type(anything).__name__, repr(anything))]
    else:
        return None
    if any(content is None for _, content in items):
        return None
    return hashlib.sha256(repr((type(anything).__name__, items)).encode()).hexdigest()


def autoencoder(vae: Any, dtype: torch.dtype | None = None) -> str:
    """Return the SHA-256 of all of a VAE's weights, and of the number format it works in: latents outlive the graph.

    Args:
        dtype: that it encodes in, if not the VAE's own.
    """
    hasher = hashlib.sha256(f"{type(vae.first_stage_model).__name__} {dtype or vae.vae_dtype}".encode())
    for name, value in sorted(vae_float32.as_in_the_file(vae).items()):
        hasher.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        for part in _plain(value):
            hasher.update(part.detach().contiguous().reshape(-1).view(torch.uint8).cpu().numpy().data)
    return hasher.hexdigest()
