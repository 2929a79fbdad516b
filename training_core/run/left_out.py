"""Pictures that a run cannot train on: the VAE makes NaN or infinity of them, which overflows in some 16-bit VAEs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ..data.plan import Buckets, CropVariant, PlannedBatch, Sample
from ..errors import AthanorError
from ..history.events import Warned
from ..wording import first_few

Agree = Callable[..., Iterable[bool]]
"""Takes flags, and returns those that any process of the run has set."""


class LeftOut:
    """Leaves samples out whose latents were found to be no numbers, and tells of which pictures they are."""

    def __init__(self, buckets: Buckets, is_broken: Callable[[CropVariant], bool]) -> None:
        """`is_broken`: whether this process has found a variant's latents to be no numbers."""
        self._buckets, self._is_broken = buckets, is_broken
        self._told: set[str] = set()

    def usable(self, batches: list[PlannedBatch], agree: Agree | None = None) -> list[PlannedBatch]:
        """Return batches without the samples that cannot be trained on; a batch may be left without any.

        Args:
            batches: that were encoded, of all processes.
            agree: None: this process is the only one that counts.
        """
        flagged = self._flags([sample for batch in batches for sample in batch.samples], agree)
        if not any(flagged):  # the plan's own batches, of which equal ones are one object
            return batches
        flags = iter(flagged)
        return [replace(b, samples=tuple(s for s in b.samples if not next(flags))) for b in batches]

    def warnings(self, batches: list[PlannedBatch], agree: Agree | None = None) -> Iterator[Warned]:
        """Yield a warning that names the pictures of an epoch's batches that are left out, each once per run.

        Raises:
            AthanorError: these are all of the samples, or half of the dataset's pictures: the VAE is at fault, not the picture.
        """
        samples = [sample for batch in batches for sample in batch.samples]
        broken = [s for s, flag in zip(samples, self._flags(samples, agree), strict=True) if flag]
        # The batches may be the few that are left of an epoch, in which one picture weighs much.
        pictures = {entry.picture for entry in self._buckets.entries}
        half = 2 * len({sample.variant.picture for sample in broken}) >= len(pictures)
        if broken and (half or len(broken) == len(samples)):
            raise self.error(broken)
        if new := [name for name in self._names(broken) if name not in self._told]:
            self._told.update(new)
            yield Warned(
                f"{first_few(new, 1)}: the VAE encodes it as NaN or infinity, so it is left out of the training; connect another VAE "
                "(Load VAE), or remove the picture from the folder."
            )

    def error(self, samples: Iterable[Sample]) -> AthanorError:
        """Return the error for samples without which there is nothing to train on."""
        return AthanorError(
            f"{first_few(self._names(samples), 1)}: the VAE encodes it as NaN or infinity, which would ruin the training; connect "
            "another VAE (Load VAE), or remove the picture from the folder."
        )

    def _flags(self, samples: Sequence[Sample], agree: Agree | None) -> list[bool]:
        """Return for each sample whether it is left out."""
        own = [self._is_broken(sample.variant) for sample in samples]
        return list(agree(*own)) if agree else own

    def _names(self, samples: Iterable[Sample]) -> list[str]:
        """Return the names of the samples' pictures, each once."""
        return list(dict.fromkeys(self._buckets.dataset.pictures[sample.variant.picture].name for sample in samples))
