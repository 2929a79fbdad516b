"""What two models differ in, layer by layer: linear layers and convolutions by the names that LoRA files have for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import comfy.lora
import comfy.sd
import torch

from .. import packed
from ..errors import AthanorError, shortened
from . import detection, fingerprint, folders, quantised, text

_LAYERS = ("Linear", "Conv1d", "Conv2d", "Conv3d")
"""Classes of layers that a LoRA can be put on, as the host calls its own."""

_LACKING = tuple(key.removesuffix(".weight") for key in fingerprint.LACKING)
"""CLIP's layers that files lack, and that hold whatever was in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """A weight that two models have, and how it is called in LoRA files."""

    name: str  # lora_unet_..., lora_te_...
    shape: tuple[int, ...]
    read: Callable[[torch.device], torch.Tensor]  # its difference, tuned - base, in float32 on that device


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two models: its patcher, and the module whose layers are named."""

    patcher: Any
    root: torch.nn.Module


def loaded(name: str, with_clip: bool) -> tuple[Any, Any]:
    """Return MODEL and CLIP (None unless it is wanted, or if there is none) of a file of the checkpoints folders.

    Raises:
        AthanorError: there is none of that name, or it holds no model.
    """
    path = folders.model_file("checkpoints", name)
    if path is None or not path.is_file():
        raise AthanorError(
            f"The checkpoint {shortened(name)} is not in the checkpoints folders any more: choose another one."
        )
    load: Any = comfy.sd.load_checkpoint_guess_config
    try:
        model, clip, *_ = load(str(path), output_vae=False, output_clip=with_clip)
    except RuntimeError as error:
        words = (str(error).splitlines() or [""])[0][:150]
        raise AthanorError(f"{path.name} cannot be read as a checkpoint ({words}): choose another file.") from None
    return model, clip


def weights(base: tuple[Any, Any], tuned: tuple[Any, Any]) -> list[Weight]:
    """Return the layers of two models, in the model's order; nothing is computed before `Weight.read` is called.

    Args:
        base, tuned: MODEL and CLIP, which may be None; text encoders are compared where both sides have a CLIP. What a graph has
            patched onto them counts, as if it were in their files.

    Raises:
        AthanorError: the two are of different kinds.
    """
    found = []
    for prefix, spelling, one, other in _parts(base, tuned):
        ours, theirs = dict(_layers(one.root)), dict(_layers(other.root))
        wrong = [name for name in ours if name not in theirs or _shape(ours[name]) != _shape(theirs[name])]
        if wrong or ours.keys() != theirs.keys():
            name = shortened((wrong or sorted(theirs.keys() - ours.keys()))[0])
            raise AthanorError(
                f"The two models are of different kinds ({name} is not the same in both): choose two of one kind."
            )
        names = _keys(one), _keys(other)
        for name, module in ours.items():
            file_name = f"{prefix}_{spelling.get(name, name).replace('.', '_')}"
            found.append(
                Weight(
                    name=file_name,
                    shape=_shape(module),
                    read=_reader(
                        (one, module, names[0][id(module)]), (other, theirs[name], names[1][id(theirs[name])])
                    ),
                )
            )
    return found


def _parts(base: tuple[Any, Any], tuned: tuple[Any, Any]) -> Iterator[tuple[str, dict[str, str], _Side, _Side]]:
    """Yield (prefix in files, spelling of layers in files, base, tuned) of the diffusion model and of each text encoder."""
    model, other = base[0], tuned[0]
    try:
        family = detection.detect(model, unknown=True)
        prefix, spelling, numbered = family.file_prefix, detection.spelling(model, family), not family.diffusers_names
    except AthanorError:  # a kind that is not trained here: the loader knows all models' layers by their own names
        prefix, spelling, numbered = "lora", {}, True
    yield f"{prefix}_unet", spelling, _side(model, "diffusion_model"), _side(other, "diffusion_model")
    clips = [clip.patcher for clip in (base[1], tuned[1]) if clip is not None]
    if len(clips) == 2:
        try:
            ours, theirs = (text.trainable(clip.model, numbered) for clip in clips)
        except AthanorError:  # an encoder of a kind that no LoRA is trained on
            return
        for start in ours.keys() & theirs.keys() if ours.keys() != theirs.keys() else ours:
            yield (
                start.replace("lora", prefix, 1),
                {},
                _Side(patcher=clips[0], root=ours[start]),
                _Side(patcher=clips[1], root=theirs[start]),
            )


def _side(model: Any, attribute: str) -> _Side:
    return _Side(patcher=model, root=getattr(model.model, attribute))


def _layers(root: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    for name, module in root.named_modules():
        if type(module).__name__ in _LAYERS and getattr(module, "weight", None) is not None and name not in _LACKING:
            yield name, module


def _shape(module: Any) -> tuple[int, ...]:
    return tuple(module.weight.shape)


def _keys(side: _Side) -> dict[int, str]:
    """Return module (by its id) -> the key of its weight, by which the patcher knows it."""
    return {id(module): f"{name}.weight" for name, module in side.patcher.model.named_modules()}


_Place = tuple[_Side, Any, str]


def _reader(base: _Place, tuned: _Place) -> Callable[[torch.device], torch.Tensor]:
    plain = not any(place[2] in place[0].patcher.patches for place in (base, tuned))

    def read(device: torch.device) -> torch.Tensor:
        if plain and base[1] is tuned[1]:
            return torch.zeros(_shape(base[1]))
        with torch.no_grad():
            return _value(*tuned, device) - _value(*base, device)

    return read


def _value(side: _Side, module: Any, key: str, device: torch.device) -> torch.Tensor:
    """Return a weight with all patches of the graph, in float32: as it was before the host patched it in, and then patched."""
    own = module.weight
    if packed.is_packed(own):
        weight, _ = packed.unpacked(module, torch.float32, device, module._parameters)
        value = weight.detach()
    else:
        backup = side.patcher.backup.get(key)
        raw = own if backup is None else backup.weight
        convert = getattr(module, "convert_weight", None)
        raw = raw if convert is None else convert(raw, inplace=False)
        value = quantised.dequantized(raw.detach()).to(device, torch.float32, copy=True)
    patches = side.patcher.patches.get(key)
    return comfy.lora.calculate_weight(patches, value, key) if patches else value
