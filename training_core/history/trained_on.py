"""Make the dataset of a run again as it was when it was trained on, out of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..data.buckets import Placement
from ..data.dataset import Control, Dataset, Picture
from ..data.plan import BucketEntry, Buckets, sort_into_buckets
from ..data.view import DatasetView, doctor_settings
from ..errors import AthanorError
from ..json_text import objects
from ..settings import BucketSettings, DatasetSettings, Settings, identity, parse
from . import registry
from .registry import Record

_MOST_PIXELS = 1_000_000  # of a side
_MOST_REPEATS = 1_000_000


def view(record: Record) -> DatasetView:
    """Return the pictures of a run with the captions, repeats and crops that it had.

    A picture whose line is damaged is left out, with a warning.

    Raises:
        AthanorError: its folder does not list them.
    """
    rows, job = registry.dataset(record.folder), registry.job(record.folder)
    subsets = tuple(_known(DatasetSettings, values) for values in objects(job.get("datasets"))) or (DatasetSettings(),)
    read = [each for values in rows if (each := _picture(values, len(subsets)))]
    if not read:
        raise AthanorError(f"The run {record.title} has no list of its pictures (dataset.json); train it again.")
    lost = len(rows) - len(read)
    warnings = (f"dataset.json: {lost} of {len(rows)} pictures cannot be read and are left out.",) if lost else ()
    dataset = Dataset(subsets, tuple(picture for picture, _ in read), warnings)
    settings = _known(BucketSettings, next(iter(objects([job.get("buckets")])), {}))
    if any("crops" in values for values in rows):
        entries = (BucketEntry(i, place) for i, (_, places) in enumerate(read) for place in places)
        buckets = Buckets(dataset=dataset, settings=settings, entries=tuple(entries))
    else:  # a run of before crops were kept
        buckets = sort_into_buckets(dataset, settings)
    return DatasetView(title=record.title, dataset=dataset, buckets=buckets, doctor=doctor_settings(settings))


def _known(kind: type[Settings], values: dict[str, Any]) -> Any:
    """Return settings out of a job.json of any version: what it lacks is at its default, what is unknown here is left out."""
    try:
        return parse(kind, identity.read(kind, values))
    except AthanorError:
        return kind()


def _picture(values: dict[str, Any], subsets: int) -> tuple[Picture, list[Placement]] | None:
    """Return a picture and its places in buckets; None if its line of dataset.json is damaged."""
    path, subset, repeats = values.get("path"), values.get("subset", 0), values.get("repeats", 1)
    size, places = _sizes([values.get("size") or [1, 1]], 2), _places(values)
    if (
        not isinstance(path, str)
        or "\0" in path
        or not size
        or places is None
        or not _counts([repeats], 0, _MOST_REPEATS)
    ):
        return None
    picture = Picture(
        path=Path(path),
        name=str(values.get("name", path)),
        content=str(values.get("content") or path),
        size=(size[0][0], size[0][1]),
        caption=str(values.get("caption", "")),
        repeats=repeats,
        subset=subset if _counts([subset], 0, subsets - 1) else 0,
        controls=_controls(values),
    )
    return picture, places


def _controls(values: dict[str, Any]) -> tuple[Control, ...]:
    """Return the control pictures of a picture, without those whose entry is damaged."""
    found = []
    for each in objects(values.get("controls")):
        path, size = each.get("path"), _sizes([each.get("size")], 2)
        if isinstance(path, str) and "\0" not in path and size:
            found.append(Control(Path(path), str(each.get("content") or path), (size[0][0], size[0][1])))
    return tuple(found)


def _places(values: dict[str, Any]) -> list[Placement] | None:
    buckets, crops = _sizes(values.get("buckets", []), 2), _sizes(values.get("crops", []), 4, 0)
    if buckets is None or crops is None or len(buckets) != len(crops):
        return None
    return [
        Placement((width, height), (resized_w, resized_h), (left, top))
        for (width, height), (resized_w, resized_h, left, top) in zip(buckets, crops, strict=True)
    ]


def _sizes(value: object, length: int, least: int = 1) -> list[list[int]] | None:
    """Return lists of `length` pixels each; None if the value holds anything else."""
    if not isinstance(value, list):
        return None
    good = all(isinstance(each, list) and len(each) == length and _counts(each, least, _MOST_PIXELS) for each in value)
    return value if good else None


def _counts(values: list[Any], least: int, most: int) -> bool:
    return all(type(value) is int and least <= value <= most for value in values)
