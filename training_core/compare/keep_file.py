"""The file that a mixture of LoRAs becomes: what it will be, told before it is made, and making it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..byte_size import format_bytes
from ..edit import build, estimate, recipe, told
from ..edit.build import Progress, Wanted
from ..edit.estimate import Estimate
from ..edit.opened import opened
from ..edit.svd import RankRule
from ..errors import AthanorError, quoted
from ..host import folders
from ..wording import plural
from . import keep
from .keep import Mixture

EXACT = 0
"""As a rank: as high as it must be, so that nothing but numbers is rounded."""
_RANKS = (256, 128, 64, 32, 16, 8, 4)
_LARGEST = 1024
_FITS = 128
"""The rank up to which a LoRA of several others is exact unless another is chosen."""


class NameTaken(AthanorError):
    """A file of the loras folder has the name."""


def no_rank(value: object) -> str:
    """Return what is said of a value that is no rank."""
    return f"rank is {quoted(value)}: it takes a whole number from 0 (exact) to {_LARGEST}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the user chooses of the file; what is left out is chosen for him."""

    name: str = ""
    rank: int | None = None  # EXACT or a rank
    precision: str = build.AS_IT_IS  # or fp16, bf16, float

    def __post_init__(self) -> None:
        """Check what comes from a request.

        Raises:
            AthanorError: names the field.
        """
        if self.rank is not None and not 0 <= self.rank <= _LARGEST:
            raise AthanorError(no_rank(self.rank))
        if self.precision not in (build.AS_IT_IS, *build.DTYPES):
            raise AthanorError(
                f"precision is {quoted(self.precision)}: it takes {', '.join(build.DTYPES)} or {quoted(build.AS_IT_IS)}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A choice made whole, and what it brings."""

    wanted: Wanted
    rank: int
    own: int  # rank of the files; 0: of another kind than LoRA
    exact: Estimate
    made: Estimate


def offer(mixture: Mixture, choice: Choice) -> dict[str, Any]:
    """Return what the file would be, as JSON values, and what is wrong with its name ("trouble"); no tensor is read.

    Raises:
        AthanorError: the files cannot become one.
    """
    draft = _draft(mixture, choice)
    name = choice.name.strip() or keep.free_name(mixture.name)
    return {
        "name": name,
        "files": [_source(source) for source in mixture.sources],
        "strength": mixture.strength,
        "strength_clip": mixture.strength_clip,
        "rank": draft.rank,
        "ranks": _ranks(draft),
        "own_rank": draft.own,
        "exact_rank": draft.exact.rank,
        "largest_rank": draft.made.rank,
        "precision": draft.made.precision,
        "precisions": list(build.DTYPES),
        "exact": draft.made.exact,
        "layers": draft.made.layers,
        "bytes": draft.made.bytes,
        "text": [*_about(draft), _use(mixture), *mixture.notes],
        "trouble": _trouble(name),
    }


def check(mixture: Mixture, choice: Choice) -> str:
    """Return the name that the file will have, if it can be made: only headers are read.

    Raises:
        NameTaken: a file has the name that no recipe made.
        AthanorError: the files cannot become one, or the name is none.
    """
    _draft(mixture, choice)
    name = choice.name.strip() or keep.free_name(mixture.name)
    if not recipe.is_made(_path(name)):
        _free(_path(name))
    return name


def make(mixture: Mixture, choice: Choice, progress: Progress) -> dict[str, Any]:
    """Make the file in the loras folder, and return its name, its size, what it is in words, and how to use it.

    Raises:
        NameTaken: a file has the name, and was not made by the same recipe.
        AthanorError: the files cannot become one, or the name is none.
    """
    wanted = _draft(mixture, choice).wanted
    path = _path(choice.name.strip() or keep.free_name(mixture.name))
    recipe_of = recipe.recipe(wanted)
    if recipe.is_same(path, recipe_of):
        lines = told.again(path)
    else:
        _free(path)
        made = build.make(wanted, progress)
        _free(path)
        recipe.write(path, made, wanted, recipe_of)
        lines = told.summary(folders.lora_name(path), made, path.stat().st_size)
        if made.error > told.FAR and wanted.rule is not None:
            lines.append("That is far from them: a higher rank comes nearer, and exact is equal to them.")
    name = folders.lora_name(path)
    return {
        "file": name,
        "bytes": path.stat().st_size,
        "strength": mixture.strength,
        "strength_clip": mixture.strength_clip,
        "text": [*lines, _use(mixture), *mixture.notes],
        "axis": _axis(mixture, name),
    }


def _draft(mixture: Mixture, choice: Choice) -> _Draft:
    with opened([source.path for source in mixture.sources]) as files:
        own, own_conv = estimate.own_ranks(files)
        exactly = Wanted(sources=mixture.sources, precision=choice.precision)
        build.check(files, build.weights_of(files, exactly), None)
        exact = estimate.estimate(files, exactly)
        rank = _default(mixture, own, exact) if choice.rank is None else choice.rank
        rule = None if rank == EXACT else RankRule(rank=rank, conv_rank=own_conv if rank == own else 0)
        wanted = Wanted(sources=mixture.sources, rule=rule, precision=choice.precision)
        build.check(files, build.weights_of(files, wanted), rule)
        return _Draft(wanted=wanted, rank=rank, own=own, exact=exact, made=estimate.estimate(files, wanted))


def _default(mixture: Mixture, own: int, exact: Estimate) -> int:
    """Return the rank of an average of one run: its own; else as high as it must be, unless that is very high."""
    if len(mixture.sources) == 1 or not exact.rank:
        return EXACT
    if mixture.of_run:
        return own or min(exact.rank, 64)
    return EXACT if exact.rank <= _FITS else _FITS


def _ranks(draft: _Draft) -> list[int]:
    """Return the ranks that are offered: exact, then falling from there."""
    most = draft.exact.rank or max(draft.own, 64)
    lower = {rank for rank in (*_RANKS, draft.own, draft.rank) if 0 < rank < most or rank == draft.rank != EXACT}
    return [EXACT, *sorted(lower, reverse=True)]


def _source(source: build.Source) -> dict[str, Any]:
    more = {} if source.text is None else {"text_encoder": source.text}
    return {"file": source.title, "weight": source.weight} | more | ({"blocks": source.blocks} if source.blocks else {})


def _about(draft: _Draft) -> list[str]:
    made = draft.made
    low = f", rank {made.rank}" if made.rank else ""
    lines = [f"{plural(made.layers, 'layer')}{low}, {made.precision}, about {format_bytes(made.bytes)}."]
    if made.exact:
        return [*lines, "Exact: nothing but numbers is rounded."]
    if made.hows["dora"]:
        lines.append("DoRA has no exact average: changes and norms are averaged apart, so compare it with the files.")
    if made.hows["kronecker"]:
        lines.append(
            "Not exact: LoKr layers become the nearest Kronecker product. A rank makes a LoRA of them; how far off it is, is measured "
            "when it is made."
        )
    if made.hows["svd"]:
        lines.append("Not exact: a lower rank, by SVD. How far off it is, is measured when it is made.")
    return lines


def _use(mixture: Mixture) -> str:
    at = f"{mixture.strength:g}"
    if mixture.strength_clip != mixture.strength:
        at += f" (text encoder {mixture.strength_clip:g})"
    if not mixture.drawn:
        return "Use it as one of its epochs, at the same strength."
    if mixture.steps:
        part = mixture.steps.replace("-", " to ")
        return (
            f"Use it at strength {at}. The picture was drawn with it on from {part} of the sampling, which no file can hold: ComfyUI's "
            "Create Hook LoRA with two Create Hook Keyframe does that."
        )
    if mixture.of_run:
        return f"Use it at strength {at}, as the picture was drawn."
    return f"The strengths are in the file: use it at {at}."


def _axis(mixture: Mixture, name: str) -> str:
    """Return the values of an axis of type LoRA that draws both, the files together and the new one; "" where no axis can."""
    if mixture.low or any(source.blocks for source in mixture.sources):
        return ""
    if any(" + " in source.title for source in mixture.sources):  # which parts the files of a stack
        return ""
    strength, strength_clip = mixture.strength, mixture.strength_clip
    stack = [
        _at(
            each.title,
            each.weight * strength,
            each.weight * strength_clip if each.text is None else each.text * strength,
        )
        for each in mixture.sources
    ]
    return f"{' + '.join(stack)}\n{_at(name, strength, strength_clip)}"


def _at(name: str, strength: float, clip: float) -> str:
    return f"{name}:{strength:.6g}" + ("" if abs(clip - strength) < 1e-6 else f":{clip:.6g}")


def _trouble(name: str) -> str:
    """Return why a new file cannot have a name; "" if it can."""
    try:
        _free(_path(name))
    except AthanorError as error:
        return str(error)
    return ""


def _path(name: str) -> Path:
    """Return the file of a name in the loras folder; an error calls it `name`, as the dialog and the API do."""
    try:
        return folders.lora_path(name)
    except AthanorError as error:
        raise AthanorError(str(error).replace("output_name", "name", 1)) from None


def _free(path: Path) -> None:
    if path.exists():
        raise NameTaken(f"{path.name} is in the loras folder already: choose another name.")
