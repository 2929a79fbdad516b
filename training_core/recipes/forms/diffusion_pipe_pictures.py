"""diffusion-pipe's file of a dataset: folders, resolutions, buckets and captions."""

from __future__ import annotations

import math
from typing import Any

from ..rules import Meaningless, NoMeaning, Paths, Rule, Said, Translated
from ..values import number, switch, text, whole
from .diffusion_pipe_model import OFF
from .nested import only_if
from .reasons import lacking

_STILL = "Only still pictures are trained here, as one frame each; videos in the folder are left out."
SHARED = ("resolutions", "enable_ar_bucket", "min_ar", "max_ar", "num_ar_buckets", "ar_buckets", "size_buckets")
"""What can differ from folder to folder there, and is one for all in Bucketer."""
_STEPS = (64, 32, 16)


def _area_side(value: Any) -> int:
    """Return the side of the square with the area of a resolution, which is a side or a pair, in whole 16 pixels."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    if len(parts) not in (1, 2, 3):
        raise ValueError("It is no resolution: write for example [512] or [[1280, 720]].")
    sides = [number(part) for part in parts[:2]]
    area = sides[0] * sides[-1]
    if not 64 * 64 <= area <= 8192 * 8192:
        raise ValueError("A resolution is a side from 64 to 8192 pixels, or a pair of width and height.")
    return round(math.sqrt(area) / 16) * 16


def sides(said: Said) -> list[int]:
    """Return the sides of the squares with the areas that are trained, the first one first; ValueError where none can be read."""
    values = said.get("size_buckets") or said.get("resolutions") or []
    found = list(dict.fromkeys(_area_side(value) for value in (values if isinstance(values, list) else [values]))) or [
        512
    ]
    if not said.get("size_buckets"):
        return found
    kept: list[int] = []
    for side in found:  # sizes of about the same area are buckets of one resolution
        if all(not 0.8 < side / other < 1.25 for other in kept):
            kept.append(side)
    return kept


def step(said: Said) -> int:
    """Return the largest usual step of bucket sides that divides all resolutions."""
    return next(size for size in _STEPS if all(side % size == 0 for side in sides(said)))


def _ratio(said: Said) -> float:
    """Return the ratio of the long to the short side in the narrowest bucket."""
    shapes: list[float] = []
    for value in said.get("size_buckets") or said.get("ar_buckets") or []:
        shapes.append(
            number(value[0]) / number(value[1]) if isinstance(value, list) and len(value) > 1 else number(value)
        )
    if not shapes:
        shapes = [number(said.get(name) or default) for name, default in (("min_ar", 0.5), ("max_ar", 2.0))]
    if any(not 0 < shape < 100 for shape in shapes):
        raise ValueError("Aspect ratios are widths divided by heights, such as 0.5 and 2.")
    return max(max(shape, 1 / shape) for shape in shapes)


def bounds(said: Said) -> dict[str, int]:
    """Return the shortest and the longest side of a bucket, of all resolutions."""
    unit, ratio = step(said), math.sqrt(_ratio(said))
    low, high = min(sides(said)), max(sides(said))
    return {
        "buckets.min_bucket_reso": max(64, min(low, round(low / ratio / unit) * unit)),
        "buckets.max_bucket_reso": min(16384, max(high, round(high * ratio / unit) * unit)),
    }


def _buckets(said: Said) -> bool:
    return bool(said.get("size_buckets")) or switch(said.get("enable_ar_bucket") or False)


def _resolutions(_value: Any, said: Said) -> Paths:
    found, unit = sides(said), step(said)
    paths: dict[str, Any] = {"buckets.width": found[0], "buckets.height": found[0]}
    if found[1:]:
        paths["buckets.extra_resolutions"] = ", ".join(map(str, found[1:]))
    if unit != 64:
        paths["buckets.bucket_reso_steps"] = unit
    if said.get("size_buckets"):
        paths["buckets.enable_bucket"] = True
    return paths | (bounds(said) if _buckets(said) else {})


def _bound(field: str) -> Translated:
    def to(_value: Any, said: Said) -> Paths:
        if not _buckets(said):
            raise NoMeaning("There are no buckets: enable_ar_bucket is off.")
        if said.get("ar_buckets") or said.get("size_buckets"):
            raise NoMeaning("The buckets are listed one by one, which decides there.")
        return {field: bounds(said)[field]}

    return Translated(to=to, why="The side that a bucket of this ratio has at the resolution.")


def _shapes(_value: Any, said: Said) -> Paths:
    if not _buckets(said):
        raise NoMeaning("There are no buckets: enable_ar_bucket is off.")
    return bounds(said)


def _frames(value: Any, _said: Said) -> Paths:
    raise NoMeaning("Still pictures are one frame." if value in ([1], 1) else _STILL)


def _shuffled(value: Any, _said: Said) -> Paths:
    only_if(number(value) > 0, OFF)
    return {"datasets.shuffle_caption": True}


def _tags(value: Any, _said: Said) -> Paths:
    only_if(switch(value), OFF)
    return {"datasets.shuffle_caption": True}


def _delimiter(value: Any, said: Said) -> Paths:
    shuffled = any(
        said.get(f"{place}{name}") for place in ("", "directory.") for name in ("cache_shuffle_num", "shuffle_tags")
    )
    if not shuffled:
        raise NoMeaning("Captions are not shuffled.")
    return {"datasets.caption_separator": text(value).strip() or " "}


_REPEATS = Translated(to=lambda value, _: {"datasets.repeats": whole(value)}, why="The same.", same=True)
_BOTH: dict[str, Rule] = {
    "num_repeats": _REPEATS,
    "caption_prefix": Translated(
        to=lambda value, _: {"datasets.caption_prefix": text(value).strip()}, why="A space is put behind it.", same=True
    ),
    "frame_buckets": Translated(to=_frames, why=_STILL),
    "cache_shuffle_num": Translated(
        to=_shuffled, why="Tags are shuffled anew each time here, not so many times in advance."
    ),
    "shuffle_tags": Translated(to=_tags, why="Tags are shuffled."),
    "cache_shuffle_delimiter": Translated(to=_delimiter, why="The sign between tags."),
    "shuffle_metadata": Meaningless(why="The pictures are shuffled anew in each epoch here, by the seed."),
    "skip_empty_caption": lacking(
        "Pictures without a caption are not left out here: they are trained with an empty one."
    ),
    "online_captions": lacking("captions.json is not read here: write its captions as .txt files beside the pictures."),
}
"""What a folder can say as well as all of them together."""


def _differs(name: str) -> Translated:
    def to(_value: Any, _said: Said) -> Paths:
        raise ValueError(f"{name} is one for all folders here, in Bucketer: what this folder says is left out.")

    return Translated(to=to, why="One for all folders.")


def _path(field: str, why: str) -> Translated:
    return Translated(to=lambda value, _: {f"datasets.{field}": text(value)}, why=why)


PICTURE_WORDS: dict[str, Rule] = {
    "directory.path": _path("folder", "A folder of another computer: you are asked for yours."),
    "directory.mask_path": _path("mask_folder", "A folder of another computer: you are asked for yours."),
    "directory.control_path": _path("control_folder", "A folder of another computer: you are asked for yours."),
    "directory.default_mask_file": lacking(
        "There is no mask for all pictures without one: put a file for each into mask_folder."
    ),
    "subsample_ratio": lacking("All pictures of a folder are trained here: use a folder with fewer."),
    "resolutions": Translated(to=_resolutions, why="Width and height of a square; with buckets the area alone counts."),
    "size_buckets": Translated(
        to=_resolutions, why="Buckets are all sizes of the area here: its square, and the sides that these have."
    ),
    "enable_ar_bucket": Translated(
        to=lambda _, said: {"buckets.enable_bucket": _buckets(said)}, why="Buckets of aspect ratios.", same=True
    ),
    "min_ar": _bound("buckets.min_bucket_reso"),
    "max_ar": _bound("buckets.max_bucket_reso"),
    "ar_buckets": Translated(to=_shapes, why="Buckets are all sizes of the area here, up to the narrowest of these."),
    "num_ar_buckets": Meaningless(why="How many buckets there are follows from bucket_reso_steps of Bucketer."),
    "overridden": Meaningless(why="Each folder says its own, which decides."),
    **_BOTH,
    **{f"directory.{name}": rule for name, rule in _BOTH.items()},
    **{f"directory.{name}": _differs(name) for name in SHARED},
}
"""Rules of a dataset's file; names as utils/dataset.py of diffusion-pipe reads them."""
