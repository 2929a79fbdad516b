"""Plan an epoch: name every sample of every batch before anything is encoded (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..errors import AthanorError
from ..randomness import keyed
from ..settings import BucketSettings, ConditioningSettings, DatasetSettings, TrainingSettings
from ..settings.conditioning import ENCODER_DROPOUT
from . import captions
from .buckets import Placement, bucket_table, place
from .dataset import Dataset

T = TypeVar("T")

VARIANTS = 4
"""Random crops, and colour shifts, that one picture can have: few enough to encode each once and cache its latent."""


@dataclass(frozen=True, slots=True)
class BucketEntry:
    """A picture in a bucket; with several resolutions a picture can be in several buckets."""

    picture: int  # index into dataset.pictures
    placement: Placement


@dataclass(frozen=True, slots=True)
class Buckets:
    """A dataset whose pictures are sorted into buckets."""

    dataset: Dataset
    settings: BucketSettings
    entries: tuple[BucketEntry, ...]
    warnings: tuple[str, ...] = ()  # pictures that are left out

    def by_size(self) -> dict[tuple[int, int], list[int]]:
        """Return bucket size -> indices into `entries`, each repeated like its picture; sorted by size, without empty buckets."""
        result, repeats = defaultdict(list), self.dataset.repeats
        for index, entry in enumerate(self.entries):
            result[entry.placement.bucket] += [index] * repeats[entry.picture]
        return {size: entries for size, entries in sorted(result.items()) if entries}

    @property
    def batches_per_epoch(self) -> int:
        """Return the number of batches of one epoch; the last one of each bucket may be short."""
        return sum(math.ceil(len(entries) / self.settings.batch_size) for entries in self.by_size().values())


@dataclass(frozen=True, slots=True)
class CropVariant:
    """One way to crop, flip and recolour a picture: all that its latent depends on, besides the file and the VAE."""

    picture: int  # index into dataset.pictures
    placement: Placement  # its crop is measured in the resized picture, before the flip
    flip: bool = False
    colour: int = 0  # 0: original colours, else the number of a colour shift (1 to VARIANTS)


@dataclass(frozen=True, slots=True)
class SampleCaption:
    """The text of a sample and how it is encoded: all that its encoding depends on, besides the text encoders."""

    text: str
    weighted: bool = False  # brackets are emphasis
    max_tokens: int = 0  # 0: unlimited
    without: tuple[str, ...] = ()  # text encoders whose output is dropped for this sample: clip_l, clip_g, t5xxl


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture at one place of an epoch: its crop variant and its caption's text."""

    variant: CropVariant
    caption: SampleCaption
    is_reg: bool


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch by name: samples of one bucket, not loaded or encoded yet."""

    bucket: tuple[int, int]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a run in optimizer steps and epochs."""

    steps: int  # optimizer steps
    epochs: int  # the last one may be cut short by max_train_steps
    steps_per_epoch: int


def sort_into_buckets(dataset: Dataset, settings: BucketSettings) -> Buckets:
    """Return the buckets of all pictures at all resolutions.

    A picture that two resolutions place alike has one entry for both. One too small for bucket_no_upscale is left out
    and named in `warnings`.

    Raises:
        AthanorError: no picture fits a bucket.
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
        entries += [BucketEntry(index, placement) for placement in placements]
    if not entries:
        raise AthanorError(f"None of the {len(dataset.pictures)} pictures fits a bucket ({left_out[0]})")
    return Buckets(dataset, settings, tuple(entries), tuple(left_out))


def caption_of(settings: DatasetSettings, text: str = "", without: tuple[str, ...] = ()) -> SampleCaption:
    """Return `text` with the subset's settings for encoding it (emphasis, most tokens)."""
    limit = 0 if settings.max_token_length == "unlimited" else int(settings.max_token_length)
    return SampleCaption(text, settings.weighted_captions, limit, without)


def epoch_plan(
    buckets: Buckets, training: TrainingSettings, epoch: int, encoders: ConditioningSettings | None = None
) -> list[PlannedBatch]:
    """Return the batches of an epoch: each bucket is shuffled and cut into batches, then the batches are shuffled.

    Everything random is keyed by (seed, what for, epoch, position), so any epoch can be planned without those before it.

    Args:
        epoch: counted from 0.
        encoders: rates at which samples go without one of several text encoders; None: they never do.
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
            without = _dropped_encoders(encoders, keyed(training.seed, "encoders", epoch, position)) if encoders else ()
            variant = _draw_variant(buckets, entry, settings, keyed(training.seed, "view", epoch, position))
            samples.append(Sample(variant, caption_of(settings, text, without), settings.is_reg))
            position += 1
        plan.append(PlannedBatch(bucket, tuple(samples)))
    return plan


def steps_left(
    batches: Sequence[PlannedBatch], run: Length, epoch: int, step: int, batches_per_step: int
) -> tuple[int, list[PlannedBatch]]:
    """Return the number of the first step of an epoch that a run still makes, and the batches from there on.

    Args:
        batches: of the whole epoch.
        epoch: counted from 0.
        step: finished steps of the run; max_train_steps may end it within the epoch.
        batches_per_step: the last step of an epoch takes what is left.
    """
    begin = epoch * run.steps_per_epoch
    first, end = max(step, begin), min(run.steps, begin + run.steps_per_epoch)
    return first, list(batches[(first - begin) * batches_per_step : max(0, end - begin) * batches_per_step])


def _dropped_encoders(encoders: ConditioningSettings, rng: keyed) -> tuple[str, ...]:
    """Draw the text encoders that a sample goes without, each independently (sd-scripts' --clip_l_dropout_rate etc.)."""
    return tuple(name for name, rate in ENCODER_DROPOUT.items() if rng.random() < getattr(encoders, rate))


def shard(items: Sequence[T], rank: int, ranks: int) -> list[T]:
    """Return the items that process `rank` of `ranks` works on: every ranks-th, beginning with its own number.

    Nothing is repeated to make the shares equal, as accelerate does: a process may have one item fewer than others.
    """
    return list(items[rank::ranks])


def _draw_variant(buckets: Buckets, entry: BucketEntry, settings: DatasetSettings, rng: keyed) -> CropVariant:
    """Draw a picture's crop, flip and colour shift for one sample.

    All four numbers are drawn whatever the settings are, so that switching one augmentation on leaves the others alone.
    The crop depends on the picture and its number below VARIANTS alone: the same few crops come back in later epochs.
    """
    placement, content = entry.placement, buckets.dataset.pictures[entry.picture].content
    # 0.5 and 0.33 are how often sd-scripts applies flip_aug and color_aug.
    flip, spot, shifted, shift = rng.random() < 0.5, rng.below(VARIANTS), rng.random() < 0.33, rng.below(VARIANTS)
    if settings.random_crop or buckets.settings.crop_anchor == "random":
        spots = keyed(content, "crop", spot)
        left, top = (spots.below(r - b + 1) for r, b in zip(placement.resized, placement.bucket, strict=True))
        placement = replace(placement, crop=(left, top))
    return CropVariant(
        entry.picture, placement, settings.flip_aug and flip, shift + 1 if settings.color_aug and shifted else 0
    )


def length(buckets: Buckets, training: TrainingSettings) -> Length:
    """Return the length of the run; gradient accumulation begins anew with each epoch, so its last step may be smaller."""
    per_epoch = math.ceil(buckets.batches_per_epoch / training.batches_per_step)
    steps = training.max_train_steps or training.epochs * per_epoch
    return Length(steps, math.ceil(steps / per_epoch), per_epoch)
