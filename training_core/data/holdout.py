"""Which pictures the probe looks at, and which of them training never sees (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..randomness import digest, keyed
from ..settings import ValidationSettings
from . import captions
from .dataset import Dataset
from .plan import Batch, Buckets, CropVariant, Sample, caption_of, sort_into_buckets

ENOUGH = 8
"""With fewer pictures, none is held out: training needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is trained on, and what the probe looks at."""

    training: Buckets
    probed: Buckets
    batches: list[Batch]  # of the probe
    label: str
    warnings: list[str]


def hold_out(buckets: Buckets, settings: ValidationSettings, own: Buckets | None = None) -> Held:
    """Choose the probe's pictures: those of `own`, else a held-out part of the training's, else some of the training's."""
    seed, count, warnings = settings.validation_seed, settings.probe_samples, []
    training, probed, label = buckets, own, "held-out pictures"
    if own is None and settings.validation_split:
        training, probed = split(buckets, settings.validation_split, seed)
        if probed is None:
            warnings.append(
                f"validation_split: too few pictures to hold some out (fewer than {ENOUGH}, or none by it)."
            )
    if probed is None:
        probed, label = training, "training pictures"
    return Held(
        training=training, probed=probed, batches=probe_batches(probed, count, seed), label=label, warnings=warnings
    )


def split(buckets: Buckets, part: float, seed: int) -> tuple[Buckets, Buckets | None]:
    """(buckets to train on, held-out buckets or None): about `part` of the pictures, never regularization ones.

    Which ones depends on their content and the seed alone, so that a picture more or less changes little.
    """
    dataset = buckets.dataset
    own = [i for i, p in enumerate(dataset.pictures) if not dataset.subsets[p.subset].is_reg]
    count = round(part * len(own))
    if count < 1 or len(own) < ENOUGH:
        return buckets, None
    held = set(sorted(own, key=lambda i: digest("hold out", seed, dataset.pictures[i].content))[:count])
    return _only(buckets, set(range(len(dataset.pictures))) - held), _only(buckets, held)


def _only(buckets: Buckets, indices: set[int]) -> Buckets:
    pictures = tuple(p for i, p in enumerate(buckets.dataset.pictures) if i in indices)
    return sort_into_buckets(Dataset(buckets.dataset.subsets, pictures), buckets.settings)


def probe_batches(buckets: Buckets, count: int, seed: int) -> list[Batch]:
    """Batches of `count` samples: pictures cropped as placed, neither mirrored nor tinted, with their plain captions.

    With fewer pictures than `count` they come again; with more, some are picked by the seed.
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
        text = captions.final_text(picture.caption, captions.plain(settings), keyed("probe", picture.content), 1, 0, 1)
        sample = Sample(CropVariant(entry.picture, entry.placement), replace(caption_of(settings), text=text), False)
        by_bucket.setdefault(entry.placement.bucket, []).append(sample)
    size = buckets.settings.batch_size
    return [
        Batch(bucket, tuple(samples[i : i + size]))
        for bucket, samples in sorted(by_bucket.items())
        for i in range(0, len(samples), size)
    ]
