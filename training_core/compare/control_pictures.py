"""Control pictures of a comparison: which prompt is shown which, and the nodes that show them to a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import AthanorError
from ..files import make_folder
from ..pictures import save_png
from .axes import Axis, Value
from .cells import CONTROL_INPUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPicture:
    """One picture of an input."""

    key: str  # hash of its pixels, by which cells and their identities name it
    port: str  # the input
    index: int | None  # its place in the input's batch; None: it is alone there
    pixels: torch.Tensor  # (1, H, W, 3) float32 in 0..1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[2], self.pixels.shape[1]


def of_inputs(inputs: Mapping[str, Any]) -> list[tuple[ControlPicture, ...]]:
    """Return what each prompt is shown: one entry for all prompts, one per prompt, or none if nothing is connected.

    Raises:
        AthanorError: inputs hold different numbers of pictures, and none of them a single one.
    """
    batches = {port: batch for port in CONTROL_INPUTS if (batch := inputs.get(port)) is not None}
    count = max((len(batch) for batch in batches.values()), default=0)
    for port, batch in batches.items():
        if len(batch) not in (1, count):
            raise AthanorError(
                f"{port} holds {len(batch)} pictures and another control input {count}: give each as many, or one for all prompts."
            )
    columns = {port: [_picture(port, batch, i) for i in range(len(batch))] for port, batch in batches.items()}
    return [tuple(column[i % len(column)] for column in columns.values()) for i in range(count)]


def _picture(port: str, batch: torch.Tensor, index: int) -> ControlPicture:
    pixels = batch[index : index + 1, :, :, :3].detach().float().cpu()
    digest = hashlib.sha256(f"{tuple(pixels.shape)}".encode() + pixels.numpy().tobytes()).hexdigest()[:16]
    return ControlPicture(key=digest, port=port, index=index if len(batch) > 1 else None, pixels=pixels)


def prompt_values(prompts: Sequence[str], shown: Sequence[tuple[ControlPicture, ...]]) -> list[Value]:
    """Return the values of an axis of prompts, each with its control pictures; one prompt goes with every entry of `shown`.

    Raises:
        AthanorError: there are neither as many entries as prompts nor one.
    """
    if len(shown) <= 1:
        return [Value(prompt, (("positive", prompt),)) for prompt in prompts]
    if len(prompts) == 1:
        labels = [f"{prompts[0]} ({number})" for number in range(1, len(shown) + 1)]
        prompts = list(prompts) * len(shown)
    else:
        labels = list(prompts)
    if len(prompts) != len(shown):
        raise AthanorError(
            f"{_batch(shown)} holds {len(shown)} pictures for {len(prompts)} prompts: give one for each, or one for all."
        )
    return [
        Value(label, (("positive", prompt), ("controls", tuple(picture.key for picture in pictures))))
        for label, prompt, pictures in zip(labels, prompts, shown, strict=True)
    ]


def _batch(shown: Sequence[tuple[ControlPicture, ...]]) -> str:
    """Return the first input that holds several pictures: others may hold one for all prompts."""
    return next(picture.port for picture in shown[0] if picture.index is not None)


def check_axes(axes: Sequence[Axis | None], shown: Sequence[tuple[ControlPicture, ...]]) -> None:
    """Check that prompts of a connected axis are not to be paired with several control pictures.

    Raises:
        AthanorError: they are.
    """
    for axis in filter(None, axes):
        if len(shown) > 1 and "positive" in axis.fields:
            raise AthanorError(
                f"{_batch(shown)} holds {len(shown)} pictures, which go with the widget prompts: leave the axis {axis.title} out, "
                "or connect one picture for all."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the nodes of a cell show its control pictures to its model; made by the host (see `ModelCache.shown`)."""

    pictures: tuple[tuple[str, int | None, Mapping[str, Any] | None], ...]
    """For each its input, its place in the batch there, and the widgets of ImageScale that cut it; None: as it is."""
    encode: Callable[..., Any]
    """(run, CLIP, text, pictures, whether it is the negative prompt) -> CONDITIONING; `run` as in host/controls.py."""
    concat: bool
    """The picture's latent goes into the model beside the noise (InstructPix2Pix), instead of being a reference."""


def conditioned(shown: Shown, ports: Mapping[str, Any], texts: tuple[str, str], add: Any) -> tuple[Any, Any]:
    """Add the nodes from prompts and control pictures to the positive and the negative conditioning, and return both.

    Args:
        ports: "clip", "vae" and the inputs of the pictures.
        texts: the prompt and the negative one.
        add: the `AddNode` of stock.py.
    """

    def run(kind: str, **inputs: Any) -> Any:
        widgets = {name: value for name, value in inputs.items() if isinstance(value, (str, int, float))}
        return add(kind, {name: value for name, value in inputs.items() if name not in widgets}, widgets)

    pictures = []
    for port, index, widgets in shown.pictures:
        picture = ports[port]
        if index is not None:
            picture = add("ImageFromBatch", {"image": picture}, {"batch_index": index, "length": 1})
        pictures.append(picture if widgets is None else add("ImageScale", {"image": picture}, widgets))
    both = [
        shown.encode(run, ports["clip"], text, pictures, negative)
        for text, negative in zip(texts, (False, True), strict=True)
    ]
    if shown.concat:  # each node's first output is taken: the first of two prompts, with the picture
        one, other = both
        last = {"vae": ports["vae"], "pixels": pictures[0]}
        pairs = ((one, other), (other, one))
        positive, negative = (
            add("InstructPixToPixConditioning", {"positive": a, "negative": b, **last}, {}) for a, b in pairs
        )
        return positive, negative
    for picture in pictures:
        latent = add("VAEEncode", {"pixels": picture, "vae": ports["vae"]}, {})
        both = [add("ReferenceLatent", {"conditioning": one, "latent": latent}, {}) for one in both]
    return both[0], both[1]


def save(folder: Path, pictures: Iterable[ControlPicture]) -> None:
    """Write pictures into a comparison's folder, from which its grid is drawn."""
    for picture in pictures:
        path = file(folder, picture.key)
        if not path.is_file():
            make_folder(path.parent)
            save_png(path, picture.pixels[0], {})


def file(folder: Path, key: str) -> Path:
    """Return where a control picture lies in a comparison's folder."""
    return folder / "controls" / f"{key}.png"
