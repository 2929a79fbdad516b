"""Make the dataset of a run again as it was when it was trained on, out of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..data.buckets import Placement
from ..data.dataset import Dataset, Picture
from ..data.plan import BucketEntry, Buckets, sort_into_buckets
from ..data.view import DatasetView, doctor_settings
from ..errors import AthanorError
from ..settings import BucketSettings, DatasetSettings, Settings, identity, parse
from . import registry
from .registry import Record


def view(record: Record) -> DatasetView:
    """Return the pictures of a run with the captions, repeats and crops that it had.

    Raises:
        AthanorError: its folder does not list them.
    """
    try:
        return _view(record)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise AthanorError(f"dataset.json of the run {record.title} cannot be read; train it again.") from None


def _view(record: Record) -> DatasetView:
    rows, job = registry.dataset(record.folder), registry.job(record.folder)
    subsets = tuple(_known(DatasetSettings, values) for values in job.get("datasets") or [{}])
    pictures = tuple(_picture(values, len(subsets)) for values in rows if isinstance(values, dict))
    if not pictures:
        raise AthanorError(f"The run {record.title} has no list of its pictures (dataset.json); train it again.")
    dataset, settings = Dataset(subsets, pictures), _known(BucketSettings, job.get("buckets") or {})
    if any("crops" in values for values in rows):
        entries = (BucketEntry(i, place) for i, values in enumerate(rows) for place in _places(values))
        buckets = Buckets(dataset, settings, tuple(entries))
    else:  # a run of before crops were kept
        buckets = sort_into_buckets(dataset, settings)
    return DatasetView(title=record.title, dataset=dataset, buckets=buckets, doctor=doctor_settings(settings))


def _known(kind: type[Settings], values: dict[str, Any]) -> Any:
    """Return settings out of a job.json of any version: what it lacks is at its default, what is unknown here is left out."""
    try:
        return parse(kind, identity.read(kind, values))
    except AthanorError:
        return kind()


def _picture(values: dict[str, Any], subsets: int) -> Picture:
    path, subset = str(values.get("path", "")), values.get("subset", 0)
    width, height = values.get("size") or (1, 1)
    return Picture(
        path=Path(path),
        name=str(values.get("name", path)),
        content=str(values.get("content") or path),
        size=(int(width), int(height)),
        caption=str(values.get("caption", "")),
        repeats=int(values.get("repeats", 1)),
        subset=subset if isinstance(subset, int) and 0 <= subset < subsets else 0,
    )


def _places(values: dict[str, Any]) -> list[Placement]:
    return [
        Placement(tuple(bucket), (resized_w, resized_h), (left, top))
        for bucket, (resized_w, resized_h, left, top) in zip(
            values.get("buckets", ()), values.get("crops", ()), strict=True
        )
    ]
