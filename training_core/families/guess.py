"""A record for a model of no known family, guessed from its modules: what "train as unknown model" trains with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from . import BLOCKS, IN_PLACE, RECOMPUTED, Config, Family, Layers, class_path, diffusion_classes, is_one_of

_ATTENTION = ("attention", "attn")
"""Parts of the names that classes of attention have."""
TARGETS = BLOCKS | diffusion_classes("targets")
"""Where one of these is in a model, it is of a known kind."""
_LISTS = (torch.nn.ModuleList, torch.nn.ModuleDict, torch.nn.Sequential)


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a model's modules that gradient checkpointing goes by, each as `module.Class`."""

    blocks: frozenset[str] = BLOCKS
    recomputed: frozenset[str] = RECOMPUTED
    in_place: frozenset[str] = IN_PLACE
    guessed: bool = False


KNOWN = Classes()
"""Of all families."""


def layers_of(model: torch.nn.Module) -> Layers | None:
    """Return what the layers of a model of no known family seem to be; None where it has blocks of a known one.

    Blocks are classes with Linear layers that stand several times in one list. That they do not write into their inputs is
    not known, so they are run on copies. Without any, all of the model is what preset attn-mlp trains.
    """
    if any(is_one_of(module, TARGETS) for module in model.modules()):
        return None
    blocks = list(dict.fromkeys(map(type, _repeated(model))))
    paths = tuple(map(class_path, blocks))
    inner = [child for module in model.modules() if type(module) in blocks for child in module.modules()]
    attentions = {
        class_path(type(child)): None
        for child in inner
        if any(part in type(child).__name__.lower() for part in _ATTENTION) and type(child) not in blocks
    }
    whole = () if paths else (class_path(type(model)),)
    return Layers(blocks=paths, attentions=tuple(attentions), targets=whole, in_place=paths)


def _repeated(model: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """Yield members of lists, outermost ones alone, of whose class with Linear layers there are at least two in the list."""
    members = list(model.children())
    count = Counter(type(member) for member in members if isinstance(model, _LISTS) and _has_linear(member))
    for member in members:
        if count[type(member)] > 1 and not isinstance(member, (*_LISTS, torch.nn.Linear)):
            yield member
        else:
            yield from _repeated(member)


def _has_linear(module: torch.nn.Module) -> bool:
    return any(isinstance(child, torch.nn.Linear) for child in module.modules())


def classes_of(model: torch.nn.Module) -> Classes:
    """Return the classes of blocks by which a model is checkpointed: the known ones, or those that are guessed."""
    layers = layers_of(model)
    if layers is None:
        return KNOWN
    blocks = frozenset(layers.blocks)
    return Classes(blocks, blocks, blocks, guessed=True)


def family(name: str, model_class: type, config: Config, prediction: str, diffusion_model: torch.nn.Module) -> Family:
    """Return a record for a model of no known family; its `guessed` says in sentences what was not known.

    Args:
        name: of its class in comfy.supported_models.
        model_class: ComfyUI's class of the model.
        config: its unet_config.
        prediction: eps, v or flow, which its sampling tells.
        diffusion_model: its modules.
    """
    known = layers_of(diffusion_model)
    layers = known or Layers(blocks=tuple(sorted(_present(diffusion_model))), attentions=())
    names = ", ".join(path.rpartition(".")[2] for path in layers.blocks)
    return Family(
        title=f"unknown model {name}",
        model_class=class_path(model_class),
        base_version=name.lower(),
        architecture=name.lower(),
        guidance=bool(config.get("guidance_embed")),
        layers=layers,
        guessed=(
            f"MODEL is of type {name}, which Athanor does not know: it is trained as its sampling says ({prediction}), with "
            "timestep_sampling uniform where that is auto, text as ComfyUI gives it to the model, and pictures as one frame.",
            f"What looks like its transformer blocks: {names}; preset attn-mlp trains all their Linear layers, and "
            "gradient_checkpointing computes them again."
            if names
            else "Nothing in it looks like transformer blocks: preset attn-mlp trains all its Linear layers, and "
            "gradient_checkpointing and blocks_to_swap have nothing to work on.",
            "Nobody has tested training this model: each saved file is compared with what was trained, as always; look at "
            "the first samples before you train for long.",
        ),
    )


def _present(model: torch.nn.Module) -> set[str]:
    return {class_path(type(module)) for module in model.modules() if is_one_of(module, BLOCKS)}
