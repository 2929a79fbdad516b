"""Files that name a model's layers differently, as files that name them alike: by kohya's names of the model they are for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from ..errors import AthanorError, shortened
from ..lora_keys import MAGNITUDE
from ..network import diffusers_names
from ..network.diffusers_names import Names, Rows
from .change import ALPHA, DOWN, UP
from .opened import LoraFile


class LayerNames(Protocol):
    """What a model's layers are called (host/lora_names.py)."""

    @property
    def diffusers(self) -> Names:
        """Kohya's name -> diffusers' modules, and the rows of the weight that each is."""
        ...

    @property
    def comfyui(self) -> Mapping[str, str]:
        """Kohya's name -> ComfyUI's path of the layer."""
        ...

    @property
    def own(self) -> Mapping[str, str]:
        """Any name of a whole layer that ComfyUI's loader knows -> kohya's."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether files count the text encoders."""
        ...


def kohya(layer: str, model: LayerNames) -> str:
    """Return a layer's name in kohya's files: the only text encoder of SD1 and SD2 is lora_te."""
    return layer if model.numbered else layer.replace("lora_te1_", "lora_te_", 1)


def alike(files: Sequence[LoraFile], model: LayerNames | None) -> list[LoraFile]:
    """Return files that name the layers of a model alike; as they are where they do so already, or no model is given.

    Raises:
        AthanorError: they do not, and one has layers that the model lacks, or that cannot be put together.
    """
    if model is None or len(files) < 2:
        return list(files)
    places = diffusers_names.places(model.diffusers)
    found = [_layers(file, model, places) for file in files]
    if _agree(found):
        return list(files)
    return [_joined(file, layers, model, places) for file, layers in zip(files, found, strict=True)]


_Parts = dict[str, str]
"""What a layer of a model is made of, in kohya's spelling (itself, or q, k and v as diffusers has them) -> a file's layer."""
_Places = Mapping[str, tuple[str, Rows]]


def _layers(file: LoraFile, model: LayerNames, places: _Places) -> dict[str, _Parts]:
    """Return the model's layers that a file has, by kohya's names."""
    found: dict[str, _Parts] = {}
    for layer, path in file.layers.items():
        part = model.own.get(path) or model.own.get(layer) or layer
        parts = found.setdefault(places[part][0] if part in places else part, {})
        if part in parts:
            names = " and ".join(shortened(file.layers[each], 120) for each in (parts[part], layer))
            raise AthanorError(f"{file.path.name} has {names}, which are one layer of this model: use another file.")
        parts[part] = layer
    return found


def _agree(found: Sequence[dict[str, _Parts]]) -> bool:
    """Return whether each layer has one name in all files, and not some files alone call theirs as kohya does."""
    names: dict[str, set[frozenset[str]]] = {}
    for layers in found:
        for layer, parts in layers.items():
            names.setdefault(layer, set()).add(frozenset(parts.values()))
    plain = {all(parts == {layer: layer} for layer, parts in layers.items()) for layers in found}
    return len(plain) == 1 and all(len(each) == 1 for each in names.values())


def _joined(file: LoraFile, layers: dict[str, _Parts], model: LayerNames, places: _Places) -> LoraFile:
    """Return a file under the model's names."""
    strange = [layer for layer in layers if layer.startswith("lora_unet") and layer not in model.comfyui]
    if strange:
        path = file.layers[next(iter(layers[strange[0]].values()))]
        raise AthanorError(
            f"{file.path.name}: {shortened(path, 120)} is no layer of the connected model ({len(strange)} of {len(layers)} are "
            "none): connect the model that the files are for."
        )
    whole = frozenset(layer for layer, parts in layers.items() if _is_whole(parts, places))
    keys: dict[str, dict[str, str]] = {}
    for layer, parts in layers.items():
        pieces = {piece for mine in parts.values() for piece in file.keys[mine]}
        if layer not in whole and not pieces <= {UP, DOWN, ALPHA, MAGNITUDE}:
            raise AthanorError(
                f"{file.path.name}: {shortened(file.layers[next(iter(parts.values()))], 120)} is a part of a layer of this model, "
                "and only parts of a plain LoRA can be joined: give it a rank in a file of its own first, or leave it out."
            )
        keys[layer] = {piece: f"{kohya(layer, model)}.{piece}" for piece in pieces}
    return _Joined(
        path=file.path,
        metadata=file.metadata,
        layers={layer: kohya(layer, model) for layer in layers},
        others=file.others,
        keys=keys,
        of_model=True,
        _header=file._header,
        _file=file._file,
        own=file,
        parts=layers,
        whole=whole,
        heights={layer: diffusers_names.height(model.diffusers[layer].values()) for layer in layers.keys() - whole},
        names=model.diffusers,
    )


def _is_whole(parts: _Parts, places: _Places) -> bool:
    """Return whether a layer is one in the file, too."""
    rows = [places.get(part, ("", slice(None)))[1] for part in parts]
    return len(rows) == 1 and isinstance(rows[0], slice) and rows[0] == slice(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined(LoraFile):
    """A file under a model's names; layers that are one there are put together as they are read."""

    own: LoraFile
    parts: dict[str, _Parts]  # of each layer
    whole: frozenset[str]  # layers that are one in the file, too
    heights: dict[str, int]  # rows of the weights of the others
    names: Names

    def pieces(self, layer: str) -> dict[str, torch.Tensor]:
        """Return the tensors of a layer, put together from its parts.

        Raises:
            AthanorError: the parts do not fit each other or the model.
        """
        parts = self.parts.get(layer, {})
        given = {part: self.own.pieces(mine) for part, mine in parts.items()}
        if layer in self.whole:
            return next(iter(given.values()))
        paths = {part: self.own.layers[mine] for part, mine in parts.items()}
        joined, _, wrong = diffusers_names.join(given, paths, self.names, {})
        if wrong:
            raise AthanorError(f"{self.path.name}: {shortened(wrong[0], 300)}; use another file.")
        return joined.get(layer, {})

    def shapes(self, layer: str) -> dict[str, tuple[int, ...]]:
        """Return piece -> shape of a layer; of one that is put together, as if no two of its parts had equal down weights."""
        shapes = [self.own.shapes(mine) for mine in self.parts.get(layer, {}).values()]
        if layer in self.whole or not shapes:
            return shapes[0] if shapes else {}
        ups, downs = ([each[piece] for each in shapes if piece in each] for piece in (UP, DOWN))
        rank = sum(each[0] for each in downs)
        return {UP: (self.heights[layer], rank, *ups[0][2:]), DOWN: (rank, *downs[0][1:])} if ups and downs else {}

    @property
    def dtypes(self) -> Counter[str]:
        """Number formats of the file's own tensors."""
        return self.own.dtypes
