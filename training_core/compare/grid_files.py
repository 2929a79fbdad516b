"""Pages of a grid as files, and the folder of a comparison by its name."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import AthanorError, quoted
from ..files import write_atomically
from ..host import folders
from ..pictures import write_png
from ..settings import GridSettings
from .grid import Painter
from .plan_file import read_whole_plan
from .store import newest

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


def draw_pages(
    painter: Painter, folder: Path, settings: GridSettings, *, info: Mapping[str, Any], stem: str
) -> list[Path]:
    """Draw and save the pages one by one: stem.png, or stem-01.png and so on. Older pages of that stem go.

    Args:
        info: written into PNGs: the graph, so that the picture brings it back.
    """
    paths = []
    many = len(painter.pages) > 1
    digits = max(2, len(str(len(painter.pages))))
    for number, image in enumerate(painter.draw(), 1):
        name = f"{stem}-{number:0{digits}}" if many else stem
        path = folder / f"{name}.{settings.file_format}"
        write_atomically(path, lambda temporary, page=image: _save(page, temporary, settings, info))
        paths.append(path)
    for old in folder.glob(f"{stem}*"):
        if (
            old.is_file()
            and old not in paths
            and old.stem.removeprefix(stem).removeprefix("-").isdecimal() | (old.stem == stem)
        ):
            old.unlink()
    return paths


def _save(image: Image.Image, path: Path, settings: GridSettings, info: Mapping[str, Any]) -> None:
    if settings.file_format == "png":
        write_png(image, path, {name: json.dumps(value) for name, value in info.items() if value})
    else:
        image.save(path, format=FORMATS[settings.file_format], quality=92)


def open_comparison(name: str) -> tuple[Path, dict[str, Any]]:
    """Folder and plan.json of a comparison.

    Raises:
        AthanorError: the name is empty or there is none of that name; the newest are listed.
    """
    root = folders.compare_folder("")
    have = [folder.name for folder in newest(root, 5)]
    if not name.strip() or not os.path.isdir(root / name.strip()):  # noqa: PTH112 (Path.is_dir raises for a long name)
        listed = f"the newest are {', '.join(have)}" if have else "there are none yet: run XYZ Compare first"
        raise AthanorError(f"name {quoted(name)} is not a comparison; {listed}.")
    folder = folders.compare_folder(name.strip())
    return folder, read_whole_plan(folder)
