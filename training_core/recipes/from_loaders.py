"""The nodes that load a model and its parts -> the files that a recipe names (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .from_values import Reader
from .loaders import FILES
from .recipe import Model, WeightDtype

_MOST_PASSED = 100
"""Nodes between a loader and Train LoRA: more only where they go in a circle."""
_MODEL_FILES = {
    "ckpt_name": "checkpoint",
    "unet_name": "diffusion_model",
    "model_name": "diffusion_model",
    "vae_name": "vae",
}
"""Input of a loader, of ComfyUI or another pack, that names a file -> the file's role."""
_ENCODERS = ("clip_name", "clip_name1", "clip_name2", "clip_name3", "clip_name4", "text_encoder")
_BY_TYPE = {
    "stable_diffusion": ("clip_l",),
    "stable_cascade": ("clip_g",),
    "sdxl": ("clip_l", "clip_g"),
    "sd3": ("clip_l", "clip_g", "t5xxl"),
    "flux": ("clip_l", "t5xxl"),
    "hunyuan_video": ("clip_l", "text_encoder"),
}
"""Type of a loader of text encoders -> the roles of its files in their order; those of other types are in `loaders.FILES`."""
_BY_LOADER = {"TripleCLIPLoader": "SD3", "QuadrupleCLIPLoader": "HiDream-I1"}
"""Loader of text encoders -> the family that has so many."""
_FAMILIES = {"sd3": "SD3", "sdxl": "SDXL", "flux": "Flux.1 dev", "stable_diffusion": ""}
"""Type of a loader of text encoders -> the family that it is mostly of, where `loaders.FILES` has none or several."""
_NAMED = (("clip_l", "clip_l"), ("clip-l", "clip_l"), ("clip_g", "clip_g"), ("clip-g", "clip_g"), ("t5xxl", "t5xxl"))
"""Part of a file's name -> the role that it has whatever its place is."""


def model_of(reader: Reader, train: str, *, family: str = "") -> Model:
    """Return the model that a Train LoRA node is given; what stands between it and the loaders is noted in `reader`.

    Args:
        family: its title, where more is known than the loaders tell.
    """
    files: dict[str, str] = {}
    found = _Found()
    for port in ("model", "clip", "vae"):
        key = reader.link(train, port)
        for _ in range(_MOST_PASSED):
            if key is None:
                break
            loaded = _files(reader, key, port)
            if loaded is not None:
                files |= {role: name for role, name in loaded.items() if name and role not in files}
                break
            _pass_through(reader, key, port, found)
            key = _before(reader, key, port)
    return Model(
        family=family or _family(reader, train),
        files=files,
        clip_skip=found.clip_skip,
        v_prediction=found.v_prediction,
        weight_dtype=_weight_dtype(reader, train),
    )


@dataclass(slots=True)
class _Found:
    """What the nodes between the loaders and Train LoRA set."""

    clip_skip: int = 0
    v_prediction: bool = False


def _files(reader: Reader, key: str, port: str) -> dict[str, str] | None:
    """Return role -> name of the files that a loader loads for a port; None if the node is no loader of it."""
    inputs = reader.inputs(key)
    if port == "clip":
        names = [name for name in _ENCODERS if name in inputs]
        if names:
            return _encoders(reader, key, [_text(reader, key, name) for name in names])
    wanted = {
        "model": ("unet_name", "model_name", "ckpt_name"),
        "clip": ("ckpt_name",),
        "vae": ("vae_name", "ckpt_name"),
    }
    name = next((each for each in wanted[port] if each in inputs and "model" not in _sockets(reader, key)), None)
    return None if name is None else {_MODEL_FILES[name]: _text(reader, key, name)}


def _sockets(reader: Reader, key: str) -> set[str]:
    return {name for name in ("model", "clip", "vae") if reader.link(key, name)}


def _encoders(reader: Reader, key: str, names: Sequence[str]) -> dict[str, str]:
    """Return the files of a loader of text encoders by their roles: where a name tells it, else by its place."""
    kind = _text(reader, key, "type")
    roles = list(_roles(kind, len(names)))
    found: dict[str, str] = {}
    unclear = []
    for name in names:
        lower = name.lower()
        role = next((role for part, role in _NAMED if part in lower and "umt5" not in lower), "")
        if role in roles:
            roles.remove(role)
            found[role] = name
        else:
            unclear.append(name)
    for role, name in zip(roles, unclear, strict=False):
        found.setdefault(role, name)
    return found


def _roles(kind: str, count: int) -> Sequence[str]:
    """Return the roles of so many text encoders of a loader's type."""
    if count == 3:
        return ("clip_l", "clip_g", "t5xxl")
    if count == 4:
        return ("clip_l", "clip_g", "t5xxl", "text_encoder")
    known = _BY_TYPE.get(kind)
    if known is None:
        fit = [each.encoders for each in FILES.values() if each.clip_type == kind and len(each.encoders) == count]
        known = tuple(encoder.partition(":")[0] for encoder in fit[0]) if fit else ("text_encoder",) * count
    return known[:count] if count <= len(known) else (*known, *("text_encoder",) * (count - len(known)))


def _text(reader: Reader, key: str, name: str) -> str:
    value, _ = reader.value(key, name)
    return "" if value is None else str(value)


def _before(reader: Reader, key: str, port: str) -> str | None:
    """Return the node in front of one that is passed through."""
    return next((origin for name in (port, "model", "clip") if (origin := reader.link(key, name))), None)


def _pass_through(reader: Reader, key: str, port: str, found: _Found) -> None:
    """Note what a node between a loader and Train LoRA does to the model or its text encoder."""
    kind = reader.kind(key)
    if kind == "CLIPSetLastLayer" and port == "clip":
        value, known = reader.value(key, "stop_at_clip_layer")
        if known and isinstance(value, (int, float)) and -24 <= value <= -1:
            found.clip_skip = -int(value)
        return
    if kind == "ModelSamplingDiscrete" and port == "model" and _text(reader, key, "sampling") == "v_prediction":
        found.v_prediction = True
        return
    if port == "clip" and reader.link(key, "model"):
        return  # it is told once, for the model
    if "lora_name" in reader.inputs(key):
        reader.leave_out(
            f"{reader.called(key)}: the LoRA {_text(reader, key, 'lora_name')} in front of the model is left out; merge it into the "
            "model's file for a program that takes no LoRA there."
        )
        return
    what = {"model": "model", "clip": "text encoder", "vae": "VAE"}[port]
    if _before(reader, key, port) is None:
        reader.leave_out(
            f"{reader.called(key)} loads the {what} in a way that is not known here: its file is not named."
        )
        return
    reader.leave_out(f"{reader.called(key)} changes the {what} in front of Train LoRA: a recipe has no words for that.")


def _weight_dtype(reader: Reader, train: str) -> WeightDtype:
    """Return the number format in which a Load Diffusion Model in front of Train LoRA keeps the weights."""
    key = reader.link(train, "model")
    for _ in range(_MOST_PASSED):
        if key is None:
            break
        chosen = _text(reader, key, "weight_dtype") if "weight_dtype" in reader.inputs(key) else ""
        if chosen in ("fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"):
            return chosen
        key = reader.link(key, "model")
    return "default"


def _family(reader: Reader, train: str) -> str:
    """Return the family that the type of the text encoders' loader means, where that is one alone; '' if it is not clear."""
    key = reader.link(train, "clip")
    for _ in range(_MOST_PASSED):
        if key is None or reader.link(key, "clip") is None:
            break
        key = reader.link(key, "clip")
    if key and reader.kind(key) in _BY_LOADER:
        return _BY_LOADER[reader.kind(key)]
    kind = _text(reader, key, "type") if key and "type" in reader.inputs(key) else ""
    fit = [family for family, each in FILES.items() if kind and each.clip_type == kind]
    return _FAMILIES.get(kind) or (fit[0] if len(fit) == 1 else "")
