"""What a LoRA file tells of the pictures it was trained on, as sd-scripts does: counts by folder, tags, buckets, subsets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..absolute_paths import name_of
from ..data.folders import repeats_and_tokens
from ..data.plan import Buckets
from ..settings import DatasetSettings, Job
from ..settings.dataset import MOST_REPEATS


@dataclass(slots=True)
class _Folder:
    """The pictures of one folder of one dataset."""

    repeats: int
    pictures: int = 0
    tags: Counter[str] = field(default_factory=Counter)


def describe(job: Job, buckets: Buckets) -> dict[str, object]:
    """Return the fields about the pictures, their folders and tags, and the buckets they are in."""
    folders: dict[tuple[int, str], _Folder] = {}
    images: Counter[bool] = Counter()
    for picture, repeats in zip(buckets.dataset.pictures, buckets.dataset.repeats, strict=True):
        name = picture.name.rpartition("/")[0] or "."
        folder = folders.setdefault((picture.subset, name), _Folder(picture.repeats))
        line = picture.caption.partition("\n")[0]
        folder.pictures += 1
        folder.tags.update(tag.strip().lower() for tag in line.split(",") if tag.strip())
        images[job.datasets[picture.subset].is_reg] += repeats
    tags = defaultdict[str, Counter[str]](Counter)
    counts: dict[bool, dict[str, dict[str, int]]] = {False: {}, True: {}}
    for (subset, path), folder in folders.items():
        name = _last_name(path, job.datasets[subset])
        tags[name].update(folder.tags)
        of_kind = counts[job.datasets[subset].is_reg]
        of_kind[_free(name, of_kind)] = {"n_repeats": folder.repeats, "img_count": folder.pictures}
    by_size = {
        str(i): {"resolution": list(size), "count": len(entries)}
        for i, (size, entries) in enumerate(buckets.by_size().items())
    }
    fields: dict[str, object] = {
        "ss_num_train_images": str(images[False]),
        "ss_num_reg_images": str(images[True]),
        "ss_dataset_dirs": counts[False],
        "ss_reg_dataset_dirs": counts[True],
        "ss_tag_frequency": {name: dict(count) for name, count in tags.items()},
        "ss_bucket_info": {"buckets": by_size},
        "ss_masked_loss": str(any(picture.mask for picture in buckets.dataset.pictures)),
    }
    subsets = [_subset(job.datasets[subset], name, folder) for (subset, name), folder in folders.items()]
    paired = (
        {"has_control": True} if any(picture.controls for picture in buckets.dataset.pictures) else {}
    )  # musubi-tuner's
    return fields | {"ss_datasets": [_dataset(job, fields, images) | paired | {"subsets": subsets}]}


def _last_name(folder: str, settings: DatasetSettings) -> str:
    """Return a folder's own name, as sd-scripts does; of pictures in the dataset's folder itself, that folder's."""
    return name_of(settings.folder if folder == "." else folder) or "."


def _free(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that is not taken: name, or `name (2)` and so on, as sd-scripts does."""
    names = (name, *(f"{name} ({number})" for number in range(2, len(taken) + 2)))
    return next(each for each in names if each not in taken)


def trigger(job: Job) -> str:
    """Return what a prompt has to hold: the text before every caption, else the caption of pictures without one; '' for neither."""
    for settings in (settings for settings in job.datasets if not settings.is_reg):
        if phrase := settings.caption_prefix.strip(" ,") or settings.class_tokens.strip():
            return phrase
    return ""


def _dataset(job: Job, fields: dict[str, object], images: Counter[bool]) -> dict[str, Any]:
    """Return what all folders have in common; some readers look for tags and buckets here alone."""
    shape = job.buckets
    return {
        "is_dreambooth": True,
        "batch_size_per_device": shape.batch_size,
        "num_train_images": images[False],
        "num_reg_images": images[True],
        "resolution": [shape.width, shape.height],
        "enable_bucket": shape.enable_bucket,
        "min_bucket_reso": shape.min_bucket_reso,
        "max_bucket_reso": shape.max_bucket_reso,
        "tag_frequency": fields["ss_tag_frequency"],
        "bucket_info": fields["ss_bucket_info"],
    }


def _subset(settings: DatasetSettings, name: str, folder: _Folder) -> dict[str, Any]:
    """Return what a folder's name and its dataset's settings say."""
    return {
        "img_count": folder.pictures,
        "num_repeats": folder.repeats,
        "color_aug": settings.color_aug,
        "flip_aug": settings.flip_aug,
        "random_crop": settings.random_crop,
        "shuffle_caption": settings.shuffle_caption,
        "keep_tokens": settings.keep_tokens,
        "keep_tokens_separator": settings.keep_tokens_separator or None,
        "secondary_separator": settings.secondary_separator or None,
        "enable_wildcard": settings.enable_wildcard,
        "caption_prefix": settings.caption_prefix or None,
        "caption_suffix": settings.caption_suffix or None,
        "image_dir": _last_name(name, settings),
        "class_tokens": _class_tokens(name, settings) or None,
        "is_reg": settings.is_reg,
    }


def _class_tokens(folder: str, settings: DatasetSettings) -> str:
    """Return the caption of a folder's pictures without a caption file: from the nearest folder called 'N_name', else the setting."""
    for part in reversed(folder.split("/")):
        repeats, tokens = repeats_and_tokens(part)
        if 0 < repeats <= MOST_REPEATS:
            return tokens
    return settings.class_tokens
