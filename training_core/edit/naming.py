"""The layers of a result under another program's names: kohya's, ComfyUI's or diffusers' (PEFT)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .. import lora_keys
from ..errors import AthanorError, shortened
from ..lora_keys import DORA
from ..network import diffusers_names
from ..network.weights import module_of
from . import change
from .alike import LayerNames, kohya
from .build import AS_IT_IS, in_format
from .opened import TEXT

Tensors = dict[str, torch.Tensor]
KOHYA, COMFYUI, DIFFUSERS = "kohya", "ComfyUI", "diffusers"


def renamed(tensors: Mapping[str, torch.Tensor], names: str, model: LayerNames, precision: str) -> Tensors:
    """Return a file's tensors under other names; modules that are one layer in this model become one, and the other way round.

    Args:
        names: KOHYA, COMFYUI or DIFFUSERS.
        model: the names of the model that the file is for.
        precision: fp16, bf16 or float, for what has to be put together.

    Raises:
        AthanorError: a layer has no such name, or a form that diffusers does not read.
    """
    if names == AS_IT_IS:
        return dict(tensors)
    layers, others = _by_kohya(tensors, model)
    if names == DIFFUSERS:
        _check_diffusers(layers, model)
        flat = {f"{layer}.{piece}": value for layer, pieces in layers.items() for piece, value in pieces.items()}
        return diffusers_names.split(flat, model.diffusers) | others
    result: Tensors = {}
    for layer, pieces in layers.items():
        name = kohya(layer, model) if names == KOHYA else model.comfyui.get(layer, "")
        if not name:
            raise AthanorError(
                f"names: {shortened(layer)} has no name of ComfyUI's in this model; choose kohya, or connect its model."
            )
        written = in_format(layer, pieces, precision)
        result |= {f"{name}.{piece}": value for piece, value in written.items()}
    return result | others


def _by_kohya(tensors: Mapping[str, torch.Tensor], model: LayerNames) -> tuple[dict[str, Tensors], Tensors]:
    """Return layer in kohya's spelling -> pieces, of any trainer's names, and the tensors that belong to none.

    Raises:
        AthanorError: modules that are one layer of this model cannot be put together, or the file has a layer under two names.
    """
    given: dict[str, Tensors] = {}
    paths: dict[str, str] = {}
    others: Tensors = {}
    for key, value in tensors.items():
        found = None if lora_keys.embedding(key) else lora_keys.split(key)
        if found is None:
            others[key] = value
            continue
        layer = model.own.get(found[0]) or module_of(found[0], TEXT)
        pieces = given.setdefault(layer, {})
        if found[1] in pieces:
            raise AthanorError(
                f"names: {shortened(paths[layer])} and {shortened(found[0])} are one layer of this model; choose as in the file."
            )
        pieces[found[1]] = value
        paths[layer] = found[0]
    joined, _, wrong = diffusers_names.join(given, paths, model.diffusers, {})
    if wrong:
        raise AthanorError(f"names: {shortened(wrong[0], 300)}; choose as in the file.")
    for pieces in joined.values():
        if change.UP in pieces and change.ALPHA not in pieces:
            pieces[change.ALPHA] = torch.tensor(float(len(pieces[change.DOWN])))
    strange = [layer for layer in joined if layer.startswith("lora_unet") and layer not in model.comfyui]
    if strange:
        raise AthanorError(
            f"names: {shortened(paths.get(strange[0], strange[0]))} is no layer of the connected model ({len(strange)} of "
            f"{len(joined)} are none): connect the model that the file is for."
        )
    return joined, others


def _check_diffusers(layers: Mapping[str, Tensors], model: LayerNames) -> None:
    if not model.diffusers:
        raise AthanorError(
            "names: layers of this kind of model have no names in diffusers here; choose kohya or ComfyUI."
        )
    for layer, pieces in layers.items():
        if pieces.keys() - {change.UP, change.DOWN, change.ALPHA}:
            if pieces.keys() & DORA:
                raise AthanorError(
                    f"names: {shortened(layer)} is DoRA, whose norms diffusers reads otherwise than ComfyUI: choose kohya or ComfyUI."
                )
            raise AthanorError(
                f"names: {shortened(layer)} is {change.kind(pieces)}, and files in diffusers' names hold plain LoRA alone: give it a rank, "
                "which makes LoRA of LoHa, LoKr and whole differences, or choose kohya."
            )
        if layer not in model.diffusers:
            raise AthanorError(
                f"names: {shortened(layer)} has no name in diffusers; leave its block out, or choose kohya."
            )
