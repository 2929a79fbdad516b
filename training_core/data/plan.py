"""Plan an epoch: name every sample of every batch before anything is encoded (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import AthanorError
from ..randomness import keyed
from ..settings import BucketSettings, ConditioningSettings, DatasetSettings, TrainingSettings
from ..settings.conditioning import ENCODER_DROPOUT
from . import captions
from .buckets import Placement, bucket_table, place
from .dataset import Dataset

VARIANTS = 4
"""Random crops, and colour shifts, that one picture can have: few enough to encode each once and cache its latent."""


@dataclass(frozen=True, slots=True)
class BucketEntry:
    """A picture in a bucket; with several resolutions a picture can be in several buckets."""

    picture: int  # index into dataset.pictures
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """A dataset whose pictures are sorted into buckets."""

    dataset: Dataset
    settings: BucketSettings
    entries: tuple[BucketEntry, ...]
    warnings: tuple[str, ...] = ()  # pictures that are left out
    inpainting: bool = False  # for an inpainting model: each picture is shown to it as well, with a part hidden

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

    def hole(self, entry: BucketEntry, number: int) -> int:
        """Return `number` where a part of that number is hidden in an entry's picture; 0 where none is, or its mask says which."""
        return number if self.inpainting and self.dataset.pictures[entry.picture].mask is None else 0

    def check_trained(self) -> None:
        """Check that an epoch has pictures: regularization pictures are seen as often as the others together, which may be none.

        Raises:
            AthanorError: all of them are regularization pictures, or all that are not fit no bucket.
        """
        pictures, subsets = self.dataset.pictures, self.dataset.subsets
        if self.batches_per_epoch and all(subsets[pictures[e.picture].subset].is_reg for e in self.entries):
            first = next((p.name for p in pictures if not subsets[p.subset].is_reg), "")
            why = next(
                (text for text in self.warnings if text.startswith(f"{first} is left out")), f"{first} is left out."
            )
            raise AthanorError(f"Only regularization pictures would be trained, for all others fit no bucket: {why}")
        if not self.batches_per_epoch:
            raise AthanorError(
                "All pictures are regularization pictures, which are trained only beside others: switch is_reg off, or connect a "
                "Dataset Loader with the pictures of the subject as well."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CropVariant:
    """One way to crop, flip and recolour a picture or one of its control pictures: all that its latent depends on, besides the
    file and the VAE.
    """

    picture: int  # index into dataset.pictures
    placement: Placement  # its crop is measured in the resized picture, before the flip
    flip: bool = False
    colour: int = 0  # 0: original colours, else the number of a colour shift (1 to VARIANTS)
    control: int = (
        -1
    )  # index into the picture's controls; -1: the picture itself; holes.HIDDEN: that with a part hidden
    hole: int = 0  # number of the part that is hidden (1 to VARIANTS); 0: what the picture's mask marks, or nothing is


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCaption:
    """The text of a sample and how it is encoded: all that its encoding depends on, besides the text encoders."""

    text: str
    weighted: bool = False  # brackets are emphasis
    max_tokens: int = 0  # 0: unlimited
    without: tuple[str, ...] = ()  # text encoders whose output is dropped for this sample: clip_l, clip_g, t5xxl
    shown: tuple[CropVariant, ...] = ()  # control pictures that the text encoder sees beside it


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

    def finished_epochs(self, step: int, noted: int) -> int:
        """Return the epochs that are finished after `step` steps, from the steps alone: an older version's states count a cut one.

        Args:
            noted: finished epochs as the state has them. At the end of an epoch they tell whether what is due there is done: if
                not, that epoch is not finished yet.
        """
        whole, rest = divmod(step, self.steps_per_epoch)
        return max(0, whole - 1) if not rest and noted < whole else whole


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
    return Buckets(dataset=dataset, settings=settings, entries=tuple(entries), warnings=tuple(left_out))


def caption_of(settings: DatasetSettings, text: str = "", without: tuple[str, ...] = ()) -> SampleCaption:
    """Return `text` with the subset's settings for encoding it (emphasis, most tokens)."""
    limit = 0 if settings.max_token_length == "unlimited" else int(settings.max_token_length)
    return SampleCaption(text=text, weighted=settings.weighted_captions, max_tokens=limit, without=without)


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
    parts, plan, position = _Parts(buckets), [], 0
    for number, (bucket, entries) in enumerate(batches):
        step = epoch * run.steps_per_epoch + number // training.batches_per_step
        samples = []
        for index in entries:
            picture = buckets.dataset.pictures[buckets.entries[index].picture]
            settings = buckets.dataset.subsets[picture.subset]
            rng = keyed(training.seed, "caption", epoch, position)
            text = captions.final_text(picture.caption, settings, rng, epoch + 1, step, run.steps)
            without = _dropped_encoders(encoders, keyed(training.seed, "encoders", epoch, position)) if encoders else ()
            variant = parts.variant(index, settings, keyed(training.seed, "view", epoch, position))
            samples.append(parts.sample(variant, parts.caption(settings, text, without), settings.is_reg))
            position += 1
        plan.append(parts.batch(bucket, samples))
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


class _Parts:
    """What a plan is made of, each part once: with repeats, most batches are equal to others.

    A plan of 100,000 samples was 600,000 objects, and walking over those stops all threads of a server.
    """

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._variants: dict[tuple[int, bool, int, int, int], CropVariant] = {}
        self._captions: dict[tuple[int, str, tuple[str, ...]], SampleCaption] = {}
        # By the identity of variant and caption, as they are one object each; and by that of the samples.
        self._samples: dict[tuple[int, int], Sample] = {}
        self._batches: dict[tuple[int, ...], PlannedBatch] = {}

    def variant(self, index: int, settings: DatasetSettings, rng: keyed) -> CropVariant:
        """Draw crop, flip, colour shift and hidden part of entry `index` for one sample.

        All five numbers are drawn whatever the settings are, so that switching one augmentation on leaves the others alone.
        The crop depends on the picture and its number below VARIANTS alone: the same few crops come back in later epochs.
        """
        # 0.5 and 0.33 are how often sd-scripts applies flip_aug and color_aug.
        flip, spot, shifted, shift = rng.random() < 0.5, rng.below(VARIANTS), rng.random() < 0.33, rng.below(VARIANTS)
        crops = settings.random_crop or self._buckets.settings.crop_anchor == "random"
        colour = shift + 1 if settings.color_aug and shifted else 0
        entry, hole = self._buckets.entries[index], rng.below(VARIANTS) + 1
        hole = self._buckets.hole(entry, hole)
        key = (index, settings.flip_aug and flip, spot if crops else -1, colour, hole)
        if key not in self._variants:
            placement = self._cropped(entry, spot) if crops else entry.placement
            self._variants[key] = CropVariant(
                picture=entry.picture, placement=placement, flip=key[1], colour=colour, hole=hole
            )
        return self._variants[key]

    def _cropped(self, entry: BucketEntry, spot: int) -> Placement:
        placement = entry.placement
        spots = keyed(self._buckets.dataset.pictures[entry.picture].content, "crop", spot)
        left, top = (spots.below(r - b + 1) for r, b in zip(placement.resized, placement.bucket, strict=True))
        return replace(placement, crop=(left, top))

    def caption(self, settings: DatasetSettings, text: str, without: tuple[str, ...]) -> SampleCaption:
        """Return the caption of a sample."""
        key = (id(settings), text, without)
        if key not in self._captions:
            self._captions[key] = caption_of(settings, text, without)
        return self._captions[key]

    def sample(self, variant: CropVariant, caption: SampleCaption, is_reg: bool) -> Sample:
        """Return the sample of a variant and a caption that this object has made."""
        key = (id(variant), id(caption))
        if key not in self._samples:
            self._samples[key] = Sample(variant, caption, is_reg)
        return self._samples[key]

    def batch(self, bucket: tuple[int, int], samples: Sequence[Sample]) -> PlannedBatch:
        """Return the batch of samples that this object has made."""
        key = tuple(map(id, samples))
        if key not in self._batches:
            self._batches[key] = PlannedBatch(bucket, tuple(samples))
        return self._batches[key]


def length(buckets: Buckets, training: TrainingSettings) -> Length:
    """Return the length of the run; gradient accumulation begins anew with each epoch, so its last step may be smaller.

    Raises:
        AthanorError: there is nothing to train on.
    """
    buckets.check_trained()
    per_epoch = math.ceil(buckets.batches_per_epoch / training.batches_per_step)
    steps = training.max_train_steps or training.epochs * per_epoch
    return Length(steps, math.ceil(steps / per_epoch), per_epoch)
