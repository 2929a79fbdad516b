"""A LoRA file made of others: layer by layer their weighted sum, at a rank and in a number format, compared with the originals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from .. import block_strengths, lora_blocks
from ..errors import AthanorError, shortened
from ..lora_keys import DORA
from ..network.damage import damage, in_words, is_finite
from ..network.files import DTYPES
from . import change, selfcheck, spelling
from .alike import LayerNames, alike
from .change import NotAdditive, Pieces
from .opened import LoraFile, opened
from .sums import Summed, summed
from .svd import RankRule

AS_IT_IS = "as in the file"
"""Of a choice: what the first file has."""
_FORMATS = {"F16": "fp16", "BF16": "bf16", "F32": "float", "F64": "float"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that goes into the result, and how strongly."""

    path: Path
    weight: float = 1.0
    name: str = ""  # as the loras folder lists it; '': the file's own name
    text: float | None = None  # the weight of text encoders' layers; None: the same
    blocks: str = ""  # strengths of its own blocks, as in `Wanted`

    @property
    def title(self) -> str:
        """How the file is called in messages and in the recipe."""
        return self.name or self.path.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be made of which files."""

    sources: tuple[Source, ...]
    rule: RankRule | None = None  # None: no rank is changed that need not be
    precision: str = AS_IT_IS  # or fp16, bf16, float
    blocks: str = ""  # strengths of blocks (block_strengths.py): "in 0.5, all but out"; '': all as they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """How one layer of the result came about."""

    name: str
    kind: str  # of change (`change.kind`)
    how: str  # as `Summed` tells it
    distance: float  # |result - sum of originals| (Frobenius), with the rounding of its number format
    norm: float  # |sum of originals|
    rank: int
    alpha: float
    kernel: int  # of a convolution; 1: linear, or a convolution of 1x1

    @property
    def error(self) -> float:
        """The relative difference to the sum of the originals."""
        return self.distance / self.norm if self.norm else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A result that is not written yet."""

    tensors: dict[str, torch.Tensor]  # by their keys in the file
    layers: tuple[Layer, ...]
    precision: str  # fp16, bf16 or float
    of_model: bool = False  # whether the layers have a model's names, as the originals named them differently

    @property
    def error(self) -> float:
        """The relative difference of all layers together to the sum of the originals."""
        norm = sum(layer.norm**2 for layer in self.layers) ** 0.5
        return sum(layer.distance**2 for layer in self.layers) ** 0.5 / norm if norm else 0.0


Progress = Callable[[int, int], None]
"""Called before each layer with how many are done and how many there are; may raise, to stop."""


def make(wanted: Wanted, progress: Progress = lambda done, total: None, model: LayerNames | None = None) -> Made:
    """Return the sum of weight * change of all files; of the originals one layer at a time is in memory.

    Args:
        model: the names of the model that the files are for, by which those are added up that name its layers differently; the
            result has kohya's names then.

    Raises:
        AthanorError: a file cannot be read, the files are of different models, or a layer cannot be added up (see `sums`).
    """
    with opened([source.path for source in wanted.sources]) as files:
        files = alike(files, model)
        weights = weights_of(files, wanted)
        check(files, weights, wanted.rule)
        precision = precision_of(files[0]) if wanted.precision == AS_IT_IS else wanted.precision
        layers = list(dict.fromkeys(layer for file in files for layer in file.layers))
        tensors: dict[str, torch.Tensor] = {}
        told: list[Layer] = []
        for done, layer in enumerate(layers):
            progress(done, len(layers))
            terms = list(_terms(files, weights, layer))
            if terms:
                with _telling(layer, files):
                    result = summed(terms, wanted.rule)
                    pieces = in_format(layer, result.pieces, precision)
                    told.append(_layer(layer, terms, result, pieces))
                    tensors |= spelling.as_in(files, layer, pieces)
        progress(len(layers), len(layers))
        if not told:
            raise AthanorError("Nothing is left: every layer is left out or has the weight 0; keep some of them.")
        for file in files:
            tensors = {key: file.tensor(key) for key in file.others} | tensors
    return Made(tensors=tensors, layers=tuple(told), precision=precision, of_model=files[0].of_model)


def _factors(files: Sequence[LoraFile], wanted: Wanted) -> dict[str, float]:
    """Return by what the change of each layer is multiplied, as the text of block strengths says.

    Raises:
        AthanorError: the text cannot be read, or names blocks that no file has.
    """
    names = {layer: file.layers[layer] for file in reversed(files) for layer in file.layers}
    if not wanted.blocks.strip():
        return dict.fromkeys(names, 1.0)
    strengths = block_strengths.read(wanted.blocks).strengths(names.values(), _names(files))
    return {layer: strengths[name] for layer, name in names.items()}


def weights_of(files: Sequence[LoraFile], wanted: Wanted) -> list[dict[str, float]]:
    """Return layer -> weight for each file, 0 for what is left out.

    Raises:
        AthanorError: a text of block strengths names blocks that a file does not have.
    """
    found, factors = [], _factors(files, wanted)
    for file, source in zip(files, wanted.sources, strict=True):
        text = source.weight if source.text is None else source.text
        weights = {layer: text if layer.startswith("lora_te") else source.weight for layer in file.layers}
        own = block_strengths.read(source.blocks).strengths(file.layers.values(), file.path.name)
        found.append({layer: weight * own[file.layers[layer]] * factors[layer] for layer, weight in weights.items()})
    return found


def check(files: Sequence[LoraFile], weights: Sequence[Mapping[str, float]], rule: RankRule | None) -> None:
    """Check, without reading a tensor, that the files can be added up.

    Args:
        weights: of `weights_of`.

    Raises:
        AthanorError: they share no layer, differ in a layer's size, or have layers that cannot be scaled or added up.
    """
    for file in files[1:]:
        if not file.of_model and not lora_blocks.named_alike(files[0].layers, file.layers):
            raise AthanorError(
                f"{files[0].path.name} and {file.path.name} have no layer of the same name: they are of different models, or named "
                "by different trainers; choose files of one kind of model, or connect that model to LoRA Edit, which then brings them "
                "to the same names."
            )
    pairs = list(zip(files, weights, strict=True))
    for layer in dict.fromkeys(layer for file in files for layer in file.layers):
        mine = [(file, weight) for file, own in pairs if (weight := own.get(layer, 0.0))]
        sizes = {file.path.name: known for file, _ in mine if (known := spelling.size(file.shapes(layer)))}
        if len(set(sizes.values())) > 1:
            said = ", ".join(f"{out} x {into} in {name}" for name, (out, into) in sizes.items())
            raise AthanorError(
                f"The files are of different models: {shortened(layer)} is {said}; choose files of one kind of model."
            )
        _check_kinds(layer, mine, rule)


def _check_kinds(layer: str, weighted: Sequence[tuple[LoraFile, float]], rule: RankRule | None) -> None:
    """Refuse what `summed` would refuse, as far as the names of the pieces tell it."""
    files, weights = [file for file, _ in weighted], [weight for _, weight in weighted]
    kinds = [change.kind(file.keys[layer]) for file in files]
    if all(name in change.ADDITIVE for name in kinds) or (len(kinds) == 1 and weights[0] == 1 and rule is None):
        return
    if all(name.startswith("dora") for name in kinds) and abs(sum(weights) - 1) < 1e-6:
        return
    name = next(name for name in kinds if name not in change.ADDITIVE)
    if name.startswith("dora") and len(set(kinds)) == 1:
        raise AthanorError(
            f"{_names(files)} is DoRA, of which there are averages alone: let the weights sum to 1, and leave its blocks as they are."
        )
    raise AthanorError(
        f"{shortened(layer)} of {_names(files)} cannot be scaled, resized or added up, because {change.why_not(name)}."
    )


def _names(files: Sequence[LoraFile]) -> str:
    return " and ".join(dict.fromkeys(file.path.name for file in files))


def precision_of(file: LoraFile) -> str:
    """Return the number format that most tensors of a file have: fp16, bf16 or float; fp16 for one of 8 bits."""
    known = {name: count for name, count in file.dtypes.items() if name in _FORMATS}
    return _FORMATS[max(known, key=lambda name: known[name])] if known else "fp16"


def _terms(
    files: Sequence[LoraFile], weights: Sequence[Mapping[str, float]], layer: str
) -> Iterator[tuple[float, Pieces]]:
    """Yield the layer of each file that has it, with its weight; what has the weight 0 is not read."""
    for file, own in zip(files, weights, strict=True):
        if weight := own.get(layer, 0.0):
            pieces = file.pieces(layer)
            if broken := in_words([(file.layers[layer], damage(pieces))]):
                raise AthanorError(f"{file.path.name} is broken: {broken[0]}; use another file.")
            yield weight, pieces


@contextmanager
def _telling(layer: str, files: Sequence[LoraFile]) -> Iterator[None]:
    """Inside, what cannot be computed of a layer is told with its name and the files'."""
    mine = [file for file in files if layer in file.layers]
    try:
        yield
    except NotAdditive as error:
        raise AthanorError(f"{shortened(layer)} of {_names(mine)} cannot be scaled or added up: {error}.") from None
    except AthanorError:
        raise
    except (RuntimeError, TypeError, ValueError, LookupError) as error:  # torch's, for shapes that have no product
        words = (str(error).splitlines() or [""])[0][:150]
        raise AthanorError(
            f"{shortened(layer)} of {_names(mine)} does not fit together ({words}); choose files of one kind of model."
        ) from None


def in_format(layer: str, pieces: Pieces, precision: str) -> dict[str, torch.Tensor]:
    """Return a layer's tensors as they are written; alpha and DoRA's norms are float32, since they multiply whole layers.

    Raises:
        AthanorError: a number is too large for the format.
    """
    result = {}
    for piece, value in pieces.items():
        keeps = piece in (change.ALPHA, *DORA)
        numbers = value.is_floating_point()
        written = value.float() if keeps and numbers else value.to(DTYPES[precision]) if numbers else value
        if not is_finite(written):
            raise AthanorError(
                f"{shortened(layer)}: {piece} has numbers that are too large for {precision}; choose precision bf16 or float."
            )
        result[piece] = written.contiguous()
    return result


def _layer(name: str, terms: Sequence[tuple[float, Pieces]], result: Summed, pieces: Pieces) -> Layer:
    rank = change.rank_of(pieces)
    far, norm = selfcheck.distance(terms, pieces)
    down = pieces.get(change.DOWN)
    return Layer(
        name=name,
        kind=change.kind(pieces),
        how=result.how,
        distance=far,
        norm=norm,
        rank=rank,
        alpha=change.scale_of(pieces) * rank,
        kernel=down.shape[-1] if down is not None and down.ndim > 2 else 1,
    )
