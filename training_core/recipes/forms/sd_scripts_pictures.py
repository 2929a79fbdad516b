"""What sd-scripts says of pictures, captions and buckets, on the command line and in the TOML of a dataset."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Paths, Said, Same, Translated, Vocabulary
from ..values import text, whole

_INTERPOLATION = {"linear": "bilinear", "cubic": "bicubic", "box": "area"}
LENGTHS = ("75", "150", "225")


def sizes(value: Any) -> tuple[int, int]:
    """Return (width, height) of a resolution: 512, "768,512", "1024x1024", [1024, 1024].

    Raises:
        ValueError: it is none.
    """
    parts = value if isinstance(value, (list, tuple)) else re.split(r"[,xX×*\s]+", text(value).strip("[]() \"'"))
    found = [whole(part) for part in parts if text(part).strip()]
    if len(found) not in (1, 2):
        raise ValueError("It is no resolution: write for example 1024,1024.")
    return found[0], found[-1]


def _resolution(value: Any, _said: Said) -> Paths:
    width, height = sizes(value)
    return {"buckets.width": width, "buckets.height": height}


def _extension(value: Any, _said: Said) -> Paths:
    given = text(value).strip()
    return {"datasets.caption_extension": given if given.startswith(".") else f".{given}"}


def _token_length(value: Any, _said: Said) -> Paths:
    """sd-scripts takes 150 and 225 alone; what forms of input boxes have besides is the nearest of ours."""
    given = whole(value)
    return {"datasets.max_token_length": next((size for size in LENGTHS if int(size) >= given), "225")}


def _reg_folder(value: Any, _said: Said) -> Paths:
    return {"datasets.folder": text(value), "datasets.is_reg": True}


def _interpolation(value: Any, _said: Said) -> Paths:
    name = text(value).strip().lower()
    return {"buckets.resize_interpolation": _INTERPOLATION.get(name, name)}


def rules() -> Vocabulary:
    """Return the rules that differ from a setting with the same meaning."""
    return {
        "train_data_dir": Same(path="datasets.folder"),
        "reg_data_dir": Translated(to=_reg_folder, why="A Dataset Loader of its own, with is_reg."),
        "is_reg": Same(path="datasets.is_reg"),
        "resolution": Translated(to=_resolution, why="Width and height.", same=True),
        "caption_extension": Translated(to=_extension, why="With a dot in front.", same=True),
        "caption_extention": Translated(to=_extension, why="With a dot in front.", same=True),
        "max_token_length": Translated(to=_token_length, why="75, 150 or 225 tokens.", same=True),
        "resize_interpolation": Translated(to=_interpolation, why="The same, by its usual name.", same=True),
        "extra_resolutions": Same(path="buckets.extra_resolutions"),
    }
