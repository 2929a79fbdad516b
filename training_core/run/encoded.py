"""What a run's plan needs of the encoders, kept between epochs and put together into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..data.cache import LatentCache, TextCache
from ..data.plan import Batch, Buckets
from ..host import guard, text, vae
from ..host.model import Batch as HostBatch
from ..host.model import Geometry, Trainable
from .events import Encoded


class Encodings:
    """Latents and texts of the current epoch, made by the graph's own VAE and CLIP."""

    def __init__(self, buckets: Buckets, clip: Any, autoencoder: Any, prior_loss_weight: float) -> None:
        self._buckets, self._clip, self._vae, self._prior = buckets, clip, autoencoder, prior_loss_weight
        self._latents, self._texts = LatentCache(), TextCache()

    def fill(self, batches: list[Batch]) -> Iterator[Encoded]:
        """Encode what these batches need and nobody has encoded yet."""
        samples = [sample for batch in batches for sample in batch.samples]
        views, captions = (s.view for s in samples), (s.caption for s in samples)
        for what, progress in (
            ("pictures", self._latents.fill(self._buckets, views, lambda pixels: vae.encode(self._vae, pixels))),
            ("captions", self._texts.fill(captions, lambda caption: text.encode(self._clip, caption))),
        ):
            for done, total in progress:
                guard.stop_if_interrupted()
                yield Encoded(what, done, total)

    def collate(self, batch: Batch, model: Trainable) -> HostBatch:
        """A batch of the plan on the model's device."""
        geometry = []
        for view in (sample.view for sample in batch.samples):
            placement, (left, top) = self._buckets.placements[view.picture], view.crop
            if view.flip:
                left = placement.resized[0] - placement.bucket[0] - left
            size = self._buckets.dataset.pictures[view.picture].size
            geometry.append(Geometry(size, (left, top), placement.bucket))
        return model.batch(
            [self._latents[sample.view] for sample in batch.samples],
            [self._texts[sample.caption] for sample in batch.samples],
            geometry,
            [self._prior if sample.is_reg else 1.0 for sample in batch.samples],
        )
