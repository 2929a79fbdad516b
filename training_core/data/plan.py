"""The plan of an epoch: every sample of every batch, named before anything is encoded (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..errors import AthanorError
from ..randomness import keyed
from ..settings import BucketSettings, ConditioningSettings, DatasetSettings, TrainingSettings
from . import captions
from .buckets import Placement, bucket_table, place
from .dataset import Dataset

T = TypeVar("T")

VARIANTS = 4
"""Different crops, and different colour shifts, of one picture: bounded, so that their latents can be kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture in a bucket; with several resolutions a picture has several."""

    picture: int  # index into dataset.pictures
    placement: Placement


@dataclass(frozen=True, slots=True)
class Buckets:
    """A dataset sorted into buckets."""

    dataset: Dataset
    settings: BucketSettings
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()

    def by_size(self) -> dict[tuple[int, int], list[int]]:
        """Bucket size -> indices of entries, each as often as its picture's repeats; sizes sorted."""
        result, repeats = defaultdict(list), self.dataset.repeats
        for index, entry in enumerate(self.entries):
            result[entry.placement.bucket] += [index] * repeats[entry.picture]
        return {size: entries for size, entries in sorted(result.items()) if entries}

    @property
    def batches_per_epoch(self) -> int:
        """Batches of one epoch: per bucket, the last may be short."""
        return sum(math.ceil(len(entries) / self.settings.batch_size) for entries in self.by_size().values())


@dataclass(frozen=True, slots=True)
class CropVariant:
    """What of a picture is encoded: the key of its latent."""

    picture: int  # index into dataset.pictures
    placement: Placement  # with the crop of this view, in the resized picture before it is flipped
    flip: bool = False
    colour: int = 0  # 0: as it is, else the number of a colour shift


@dataclass(frozen=True, slots=True)
class Caption:
    """The text that is encoded, and how: the key of its encoding."""

    text: str
    weighted: bool = False  # brackets are emphasis
    max_tokens: int = 0  # 0: unlimited
    without: tuple[str, ...] = ()  # text encoders that this sample goes without


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture in one batch."""

    view: CropVariant
    caption: Caption
    is_reg: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one bucket."""

    bucket: tuple[int, int]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Length:
    """How long a run is."""

    steps: int  # optimizer steps
    epochs: int  # started epochs
    steps_per_epoch: int


def sort_into_buckets(dataset: Dataset, settings: BucketSettings) -> Buckets:
    """Give every picture its bucket, in every resolution; one that a further resolution does not change, once.

    A picture too small for bucket_no_upscale is left out and named in `warnings`.

    Raises:
        AthanorError: no picture has a bucket.
    """
    entries, left_out = [], []
    tables = [bucket_table(resolution, settings) for resolution in settings.resolutions]
    for index, picture in enumerate(dataset.pictures):
        focus = picture.focus if settings.crop_anchor == "focus" else None
        try:
            placements = dict.fromkeys(place(picture.size, table, focus) for table in tables)
        except AthanorError as error:
            left_out.append(f"{picture.name} is left out: {error}")
            continue
        entries += [Entry(index, placement) for placement in placements]
    if not entries:
        raise AthanorError(f"None of the {len(dataset.pictures)} pictures has a bucket ({left_out[0]})")
    return Buckets(dataset, settings, tuple(entries), tuple(left_out))


def caption_of(settings: DatasetSettings, text: str = "", without: tuple[str, ...] = ()) -> Caption:
    """How a subset's texts are encoded."""
    limit = 0 if settings.max_token_length == "unlimited" else int(settings.max_token_length)
    return Caption(text, settings.weighted_captions, limit, without)


def epoch_plan(
    buckets: Buckets, training: TrainingSettings, epoch: int, encoders: ConditioningSettings | None = None
) -> list[Batch]:
    """The batches of epoch `epoch` (from 0): per bucket shuffled and cut, then all batches shuffled.

    Depends on nothing but its arguments, so any epoch, and any batch of it, can be asked for directly. `encoders`:
    how often a sample goes without one of several text encoders.
    """
    run = length(buckets, training)
    order = keyed(training.seed, "order", epoch)
    size, batches = buckets.settings.batch_size, []
    for bucket, entries in buckets.by_size().items():
        order.shuffle(entries)
        batches += [(bucket, entries[i : i + size]) for i in range(0, len(entries), size)]
    order.shuffle(batches)
    plan, position = [], 0
    for number, (bucket, entries) in enumerate(batches):
        step = epoch * run.steps_per_epoch + number // training.batches_per_step
        samples = []
        for entry in (buckets.entries[index] for index in entries):
            picture = buckets.dataset.pictures[entry.picture]
            settings = buckets.dataset.subsets[picture.subset]
            rng = keyed(training.seed, "caption", epoch, position)
            text = captions.final_text(picture.caption, settings, rng, epoch + 1, step, run.steps)
            without = _without(encoders, keyed(training.seed, "encoders", epoch, position)) if encoders else ()
            view = _view(buckets, entry, settings, keyed(training.seed, "view", epoch, position))
            samples.append(Sample(view, caption_of(settings, text, without), settings.is_reg))
            position += 1
        plan.append(Batch(bucket, tuple(samples)))
    return plan


def _without(encoders: ConditioningSettings, rng: keyed) -> tuple[str, ...]:
    """Text encoders that a sample goes without, each drawn by itself (--clip_l_dropout_rate and so on)."""
    rates = {
        "clip_l": encoders.clip_l_dropout_rate,
        "clip_g": encoders.clip_g_dropout_rate,
        "t5xxl": encoders.t5_dropout_rate,
    }
    return tuple(name for name, rate in rates.items() if rng.random() < rate)


def shard(items: Sequence[T], rank: int, ranks: int) -> list[T]:
    """What process `rank` of `ranks` works on: every ranks-th.

    In the last round some may have none. (accelerate fills it up from the start, so that samples count twice.)
    """
    return list(items[rank::ranks])


def _view(buckets: Buckets, entry: Entry, settings: DatasetSettings, rng: keyed) -> CropVariant:
    """Draw one of a bounded number of views of a picture."""
    placement, content = entry.placement, buckets.dataset.pictures[entry.picture].content
    flip, spot, shifted, shift = rng.random() < 0.5, rng.below(VARIANTS), rng.random() < 0.33, rng.below(VARIANTS)
    if settings.random_crop or buckets.settings.crop_anchor == "random":
        spots = keyed(content, "crop", spot)
        left, top = (spots.below(r - b + 1) for r, b in zip(placement.resized, placement.bucket, strict=True))
        placement = replace(placement, crop=(left, top))
    return CropVariant(
        entry.picture, placement, settings.flip_aug and flip, shift + 1 if settings.color_aug and shifted else 0
    )


def length(buckets: Buckets, training: TrainingSettings) -> Length:
    """Steps of the run: an epoch's last update may come from fewer batches than the others."""
    per_epoch = math.ceil(buckets.batches_per_epoch / training.batches_per_step)
    steps = training.max_train_steps or training.epochs * per_epoch
    return Length(steps, math.ceil(steps / per_epoch), per_epoch)
