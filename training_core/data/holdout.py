"""Choose the pictures that the probe measures, and hold them out of training if validation_split says so (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..randomness import digest, keyed
from ..settings import ValidationSettings
from . import captions
from .dataset import Dataset
from .plan import Buckets, CropVariant, PlannedBatch, Sample, caption_of, sort_into_buckets

ENOUGH = 8
"""With fewer training pictures than this none is held out: training needs them all."""


TIMES = 20
"""How often a run is looked at after its start, at most, when validate_every_n_steps is 0."""
SHARE = 0.05
"""Part of the time of training that looks take at most, unless more of them are asked for."""
PRICE = 1 / 3
"""A sample is looked at by a forward pass; training on it takes the backward pass as well, which is twice that."""
USEFUL = 6
"""Rather so many looks at fewer samples than fewer looks: a verdict needs a handful of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSplit:
    """The pictures for training and those that the probe measures."""

    training: Buckets
    probed: Buckets
    label: str  # "held-out pictures" or "training pictures", as curves and reports call them
    warnings: list[str]


def hold_out(buckets: Buckets, settings: ValidationSettings, validation: Buckets | None = None) -> ProbeSplit:
    """Choose the probe's pictures: those of `validation`, else a held-out part of `buckets`, else some that are trained on."""
    seed, warnings = settings.validation_seed, []
    training, probed, label = buckets, validation, "held-out pictures"
    if validation is None and settings.validation_split:
        training, probed = split(buckets, settings.validation_split, seed)
        if probed is None:
            warnings.append(
                f"validation_split: no picture is held out, as there are fewer than {ENOUGH} or the split rounds to none."
            )
    if probed is None:
        probed, label = training, "training pictures"
    return ProbeSplit(training=training, probed=probed, label=label, warnings=warnings)


def split(buckets: Buckets, part: float, seed: int) -> tuple[Buckets, Buckets | None]:
    """Return (buckets to train on, held-out buckets or None if there are too few pictures).

    Held out is the fraction `part` of the pictures that are not regularization ones. A picture's chance depends on its
    content and the seed alone, so that adding or removing a picture hardly changes the choice.
    """
    held_out = _held_out(buckets.dataset, part, seed)
    if not held_out:
        return buckets, None
    return _only(buckets, set(range(len(buckets.dataset.pictures))) - held_out), _only(buckets, held_out)


def held_out_dataset(dataset: Dataset, settings: ValidationSettings) -> Dataset | None:
    """Return the pictures that `split` holds out of a dataset's buckets; None if there are too few pictures, or none is to be."""
    held_out = _held_out(dataset, settings.validation_split, settings.validation_seed)
    return Dataset(dataset.subsets, tuple(dataset.pictures[i] for i in sorted(held_out))) if held_out else None


def _held_out(dataset: Dataset, part: float, seed: int) -> set[int]:
    eligible = [i for i, p in enumerate(dataset.pictures) if not dataset.subsets[p.subset].is_reg]
    count = round(part * len(eligible))
    if count < 1 or len(eligible) < ENOUGH:
        return set()
    return set(sorted(eligible, key=lambda i: digest("hold out", seed, dataset.pictures[i].content))[:count])


def _only(buckets: Buckets, indices: set[int]) -> Buckets:
    pictures = tuple(p for i, p in enumerate(buckets.dataset.pictures) if i in indices)
    chosen = sort_into_buckets(Dataset(buckets.dataset.subsets, pictures), buckets.settings)
    return replace(chosen, inpainting=buckets.inpainting)


def probe_batches(buckets: Buckets, count: int, seed: int) -> list[PlannedBatch]:
    """Return batches of `count` samples in all, without augmentation: no flip, no colour shift, captions without chance.

    With fewer pictures than `count` pictures are repeated; with more, the seed chooses. Regularization pictures are
    used only if there are no others.
    """
    dataset = buckets.dataset
    entries = [e for e in buckets.entries if not dataset.subsets[dataset.pictures[e.picture].subset].is_reg]
    entries = sorted(
        entries or buckets.entries,
        key=lambda e: digest("probe", seed, dataset.pictures[e.picture].content, e.placement.bucket),
    )
    chosen = [entries[i % len(entries)] for i in range(count)]
    by_bucket: dict[tuple[int, int], list[Sample]] = {}
    for entry in chosen:
        picture = dataset.pictures[entry.picture]
        settings = dataset.subsets[picture.subset]
        rng = keyed("probe", picture.content)  # draws the line and the wildcards of the caption
        text = captions.final_text(picture.caption, captions.without_chance(settings), rng, 1, 0, 1)
        variant = CropVariant(picture=entry.picture, placement=entry.placement, hole=buckets.hole(entry, 1))
        sample = Sample(variant, caption_of(settings, text), False)
        by_bucket.setdefault(entry.placement.bucket, []).append(sample)
    size = buckets.settings.batch_size
    return [
        PlannedBatch(bucket, tuple(samples[i : i + size]))
        for bucket, samples in sorted(by_bucket.items())
        for i in range(0, len(samples), size)
    ]


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """How many samples the probe has, and how often it looks at them."""

    samples: int
    every: int  # steps; after the last one as well


def probe_plan(settings: ValidationSettings, steps: int, trained: float) -> ProbePlan:
    """Return what the probe of a run measures: what is asked for, and of what is left to it at most SHARE of the training.

    The first and the last look there always are, at one sample each if it has to be. Numbers that the user has set stay.

    Args:
        steps: of the whole run.
        trained: samples that the whole run is trained on.
    """
    samples, every = settings.probe_samples, settings.validate_every_n_steps
    if every:
        return ProbePlan(samples, every)
    affordable = trained * SHARE / PRICE  # samples, of all looks together
    if samples == ValidationSettings().probe_samples:
        samples = min(samples, max(1, int(affordable / USEFUL)))
    looks = min(TIMES, max(1, int(affordable / max(samples, 1)) - 1))  # after the one before the first step
    return ProbePlan(samples, max(1, round(steps / TIMES), math.ceil(steps / looks)))
