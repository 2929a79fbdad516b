"""The plan of an epoch: every sample of every batch, named before anything is encoded (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from ..errors import AthanorError
from ..randomness import keyed
from ..settings import BucketSettings, DatasetSettings, TrainingSettings
from . import captions
from .buckets import Placement, place
from .scan import Dataset

VARIANTS = 4
"""Different crops, and different colour shifts, of one picture: bounded, so that their latents can be kept."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """A dataset sorted into buckets; `placements[i]` belongs to `dataset.pictures[i]`."""

    dataset: Dataset
    settings: BucketSettings
    placements: tuple[Placement, ...]

    def by_size(self) -> dict[tuple[int, int], list[int]]:
        """Bucket size -> picture indices, each as often as its repeats; sizes sorted."""
        result = defaultdict(list)
        for index, (repeats, placement) in enumerate(zip(self.dataset.repeats, self.placements, strict=True)):
            result[placement.bucket] += [index] * repeats
        return {size: entries for size, entries in sorted(result.items()) if entries}

    @property
    def batches_per_epoch(self) -> int:
        """Batches of one epoch: per bucket, the last may be short."""
        return sum(math.ceil(len(entries) / self.settings.batch_size) for entries in self.by_size().values())


@dataclass(frozen=True, slots=True)
class View:
    """What of a picture is encoded: the key of its latent."""

    picture: int  # index into dataset.pictures
    crop: tuple[int, int]  # left, top in the resized picture, before it is flipped
    flip: bool = False
    colour: int = 0  # 0: as it is, else the number of a colour shift


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture in one batch."""

    view: View
    caption: str  # the text that is encoded
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
    """Give every picture its bucket.

    Raises:
        AthanorError: a picture is too small for bucket_no_upscale; it is named.
    """
    placements = []
    for picture in dataset.pictures:
        try:
            placements.append(place(picture.size, settings))
        except AthanorError as error:
            raise AthanorError(f"{picture.name}: {error}") from None
    return Buckets(dataset, settings, tuple(placements))


def epoch_plan(buckets: Buckets, training: TrainingSettings, epoch: int) -> list[Batch]:
    """The batches of epoch `epoch` (from 0): per bucket shuffled and cut, then all batches shuffled.

    Depends on nothing but its arguments, so any epoch can be asked for directly.
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
        step = epoch * run.steps_per_epoch + number // training.gradient_accumulation_steps
        samples = []
        for index in entries:
            picture = buckets.dataset.pictures[index]
            settings = buckets.dataset.subsets[picture.subset]
            rng = keyed(training.seed, "caption", epoch, position)
            text = captions.final_text(picture.caption, settings, rng, epoch + 1, step, run.steps)
            view = _view(buckets, index, settings, keyed(training.seed, "view", epoch, position))
            samples.append(Sample(view, text, settings.is_reg))
            position += 1
        plan.append(Batch(bucket, tuple(samples)))
    return plan


def _view(buckets: Buckets, index: int, settings: DatasetSettings, rng: keyed) -> View:
    """Draw one of a bounded number of views of a picture."""
    placement, content = buckets.placements[index], buckets.dataset.pictures[index].content
    flip, spot, shifted, shift = rng.random() < 0.5, rng.below(VARIANTS), rng.random() < 0.33, rng.below(VARIANTS)
    crop = placement.crop
    if settings.random_crop:
        spots = keyed(content, "crop", spot)
        crop = tuple(spots.below(r - b + 1) for r, b in zip(placement.resized, placement.bucket, strict=True))
    return View(index, crop, settings.flip_aug and flip, shift + 1 if settings.color_aug and shifted else 0)


def length(buckets: Buckets, training: TrainingSettings) -> Length:
    """Steps of the run: an epoch's last update may come from fewer batches than gradient_accumulation_steps."""
    per_epoch = math.ceil(buckets.batches_per_epoch / training.gradient_accumulation_steps)
    steps = training.max_train_steps or training.epochs * per_epoch
    return Length(steps, math.ceil(steps / per_epoch), per_epoch)
