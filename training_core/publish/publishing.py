"""Write a folder with a LoRA that is to be shared: its copy, pictures, README.md; whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..charts.curve import loss_curve
from ..errors import AthanorError, quoted
from ..files import file_errors, make_folder, safetensors_metadata, write_atomically
from ..history import handle
from ..history.registry import Record
from ..json_text import parse_json
from ..leftovers import sweep, temporary_beside
from ..network.disclosures import disclosures
from ..network.metadata_choice import reduced
from ..pictures import UnreadablePicture, opened, write_png
from ..safetensors_copy import write_with_metadata
from ..shared_graph import leading_to
from ..text_files import whole_characters
from . import card
from .offered import Picture
from .wanted import Wanted, name_trouble, with_texts

README = "README.md"
_COMPARING = ("AthanorXYZCompare", "AthanorXYZGridImage")
"""Nodes that write grids, with the graph that they stand in."""


class NameTaken(AthanorError):
    """Something was published under this name already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A saved file of a run, and what is known of it."""

    record: Record
    path: Path
    pictures: tuple[Picture, ...]
    strengths: tuple[float, ...] = ()  # that its user has starred


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be written."""

    metadata: dict[str, str]  # of the copy
    files: dict[str, Picture] = field(default_factory=dict)  # name of a picture's file -> the picture
    lora: str  # name of the copy
    readme: str

    @property
    def names(self) -> list[str]:
        """The names of all files, the LoRA first."""
        return [self.lora, *self.files, README]


def draft(source: Source, wanted: Wanted) -> Draft:
    """Return what would be written; nothing is.

    Raises:
        AthanorError: one of the pictures is not offered (any more).
    """
    metadata = with_texts(reduced(safetensors_metadata(source.path), wanted.choice), wanted)
    offered = {picture.id: picture for picture in source.pictures}
    for name in wanted.pictures:
        if name not in offered:
            raise AthanorError(f"there is no picture {quoted(name)} any more: open the dialog again.")
    chosen = [picture for picture in source.pictures if picture.id in wanted.pictures]
    lora = f"{wanted.name}{source.path.suffix}"
    files = _named(chosen)
    shown = [
        card.Shown(file=name, kind=picture.kind, label=_label(picture, wanted.choice))
        for name, picture in files.items()
    ]
    return Draft(
        metadata=metadata, files=files, lora=lora, readme=card.markdown(metadata, lora, source.strengths, shown)
    )


def _label(picture: Picture, choice: str) -> str:
    """Return what stands below a picture; a sample's prompt is one of the things that only "all" tells."""
    return "Sample" if picture.kind == "sample" and choice != "all" else picture.label


def _named(pictures: Sequence[Picture]) -> dict[str, Picture]:
    """Return the pictures by the names of their files, which tell nothing: grid.png, or grid-1.png, grid-2.png ..."""
    files = {}
    for kind in ("grid", "sample", "curve"):
        group = [picture for picture in pictures if picture.kind == kind]
        for number, picture in enumerate(group, 1):
            files[f"{kind}{f'-{number}' if len(group) > 1 else ''}.png"] = picture
    return files


def told_by(draft: Draft, choice: str) -> list[dict[str, str]]:
    """Return what the folder would tell, as a list of {"file", "kind", "text"}: the LoRA's metadata, then its pictures."""
    rows = [{"file": draft.lora, "kind": kind, "text": text} for kind, text in disclosures(draft.metadata)]
    for name, picture in draft.files.items():
        if picture.written:
            rows.append({"file": name, "kind": "picture", "text": picture.written})
        rows += [{"file": name, "kind": kind, "text": text} for kind, text in disclosures(_texts(picture, choice))]
    return rows


def _texts(picture: Picture, choice: str) -> dict[str, str]:
    """Return the texts that a picture's file is to carry beside its pixels: with "all" the graph that leads to the picture."""
    if choice != "all" or picture.path is None:
        return {}
    try:
        with opened(picture.path) as image:
            texts = {str(name): text for name, text in image.info.items() if isinstance(text, str)}
    except UnreadablePicture:
        return {}
    graph = {name: parse_json(texts[name]) for name in ("prompt", "workflow") if name in texts}
    prompt = graph.get("prompt")
    nodes = [name for name, node in prompt.items() if _compares(node)] if isinstance(prompt, dict) else []
    if nodes:
        part = leading_to(graph, nodes)
        texts = {name: text for name, text in texts.items() if name not in graph}
        texts |= {name: json.dumps(value) for name, value in part.items()}
    return reduced(texts, "whole page")


def _compares(node: object) -> bool:
    return isinstance(node, dict) and isinstance(node.get("inputs"), dict) and node.get("class_type") in _COMPARING


def write(source: Source, wanted: Wanted, root: Path) -> tuple[Path, Draft]:
    """Write the folder `root`/name, and return it with what is in it.

    Raises:
        NameTaken: there is one of that name.
        AthanorError: the name is none, a picture cannot be read, or the folder not be written.
    """
    if wrong := name_trouble(wanted.name):
        raise AthanorError(wrong)
    planned, folder = draft(source, wanted), root / wanted.name
    make_folder(root)
    sweep((root,))
    with temporary_beside(folder) as temporary:
        try:
            _check_free(folder)
            with file_errors(folder):
                temporary.mkdir()
            write_with_metadata(source.path, temporary / planned.lora, planned.metadata)
            for name, picture in planned.files.items():
                _write_picture(source.record, picture, temporary / name, wanted)
            text = whole_characters(planned.readme)
            write_atomically(temporary / README, lambda path: path.write_text(text, encoding="utf-8"))
            _check_free(folder)
            with file_errors(folder):
                temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder, planned


def trouble(root: Path, name: str) -> str:
    """Return why nothing can be published under a name below `root`, as a sentence; '' if it can."""
    taken = not (wrong := name_trouble(name)) and os.path.lexists(root / name)
    return f"{quoted(name)} was published before: give this one another name." if taken else wrong


def _check_free(folder: Path) -> None:
    if wrong := trouble(folder.parent, folder.name):
        raise NameTaken(wrong)


def _write_picture(record: Record, picture: Picture, target: Path, wanted: Wanted) -> None:
    """Write a picture as PNG; without what its file carries beside the pixels unless all is to be told."""
    if picture.path is None:
        image = curve(record, wanted.texts.get("title", "") or wanted.name)
        write_atomically(target, lambda path: write_png(image, path, {}), durable=False)
        return
    try:
        with opened(picture.path) as image:
            texts = _texts(picture, wanted.choice)
            pixels = image.convert("RGB")
    except UnreadablePicture as error:
        raise AthanorError(f"{picture.path.name} cannot be read ({error}): leave that picture out.") from None
    write_atomically(target, lambda path: write_png(pixels, path, texts), durable=False)


def curve(record: Record, title: str):  # noqa: ANN201
    """Return the loss curve of a run, 960 x 480, with a title."""
    run = handle.of_record(record, lambda path: path.name)
    return loss_curve(title, run.losses, run.lrs, run.epochs, run.probes)


def free_name(root: Path, name: str) -> str:
    """Return a name that nothing was published under: `name`, or name_2, name_3 ..."""
    number, free = 1, name
    while os.path.lexists(root / free):
        number += 1
        free = f"{name}_{number}"
    return free
