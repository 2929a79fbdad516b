"""Control pictures in the viewer of a comparison: small ones, in the page itself, which then needs no files beside it for them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ..pictures import UnreadablePicture, opened
from .control_pictures import file

SIDE = 256
"""Pixels of the longer side."""


def data(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return `controls` of the viewer's data: cell -> its control pictures as addresses that hold them; {} if there are none."""
    of_cells = document.get("controls", {})
    addresses = {key: address(file(folder, key)) for keys in of_cells.values() for key in dict.fromkeys(keys)}
    found = {cell: [addresses[key] for key in keys if addresses[key]] for cell, keys in of_cells.items()}
    return {"controls": found} if found else {}


def address(path: Path) -> str:
    """Return a picture as a data: address; '' if its file is gone."""
    try:
        with opened(path) as image:
            picture = image.convert("RGB")
    except UnreadablePicture:
        return ""
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
