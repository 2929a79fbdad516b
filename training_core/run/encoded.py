"""What a run's plan needs of the encoders, kept between epochs and put together into batches."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from ..byte_size import GB
from ..data.buckets import recorded_crop
from ..data.cache import LatentCache, TextCache
from ..data.plan import Buckets, CropVariant, PlannedBatch, Sample, SampleCaption
from ..data.store import DiskStore, MemoryStore, Overfull, Store, Tensors
from ..errors import AthanorError
from ..families import Controls
from ..history.events import Encoded, Warned
from ..host import controls as host_controls
from ..host import fingerprint, folders, guard
from ..host import text as host_text
from ..host import vae as host_vae
from ..host.batch import DeviceBatch, Geometry
from ..host.model import Trainable
from ..host.vae_float32 import in_float32
from ..randomness import generator
from ..settings import CacheSettings
from . import failing
from .fetched import Fetched
from .left_out import LeftOut


class Encodings:
    """Latents and texts of the plan, made by the graph's own VAE and CLIP."""

    def __init__(
        self,
        buckets: Buckets,
        clip: Any,
        vae: Any,
        autoencoder: str,
        *,
        settings: CacheSettings,
        seed: int,
        prior_loss_weight: float = 1.0,
        sdxl_crop: str = "real",
        live_text: bool = False,
        check_text: Callable[[host_text.Text], None] = lambda text: None,
        controls: Controls | None = None,
    ) -> None:
        """Prepare the caches; nothing is encoded yet.

        Args:
            autoencoder: fingerprint of the VAE.
            live_text: the text encoders are trained as well; captions are left as they are.
            check_text: raises if an encoded caption does not fit the model.
            controls: how the model takes control pictures; None: it takes none.
        """
        self._buckets, self._clip, self._vae, self._sdxl_crop = buckets, clip, vae, sdxl_crop
        self._sampling, self._seed, self._prior = settings.latent_sampling, seed, prior_loss_weight
        self._live_text, self._check_text = live_text, check_text
        self._store: Store = MemoryStore()
        if settings.cache_to_disk:
            self._store = DiskStore(folders.cache_folder(), int(settings.cache_limit_gb * GB))
        self._controls = controls
        size = controls.size if controls else ""
        self._latents = LatentCache(self._store, buckets, autoencoder, settings.vae_batch_size, size)
        self._texts = TextCache(self._store, fingerprint.text_encoder(clip), self._seen)
        self._kept: set[str] = set()  # keys that are needed to the end of the run
        self._epoch: set[str] = set()  # and in this epoch
        self._told_overfull: set[bool] = set()  # whether of this run alone, or of several
        self._counted_cuts = self._checked = False
        self.left_out = LeftOut(buckets, self._latents.is_broken)

    def fill(self, batches: list[PlannedBatch], for_good: bool = False) -> Iterator[Encoded | Warned]:
        """Encode what these batches need and nobody has encoded yet.

        Args:
            for_good: keep it to the end of the run, else until the next call.
        """
        samples = [sample for batch in batches for sample in batch.samples]
        variants, captions = [s.variant for s in samples], [self._caption(s) for s in samples]
        needed = self._latents.keys(variants) | {self._texts.key(caption) for caption in captions}
        if for_good:
            self._kept |= needed
        else:
            self._epoch = needed
        self._store.hold(self._epoch | self._kept)
        for what, progress in (
            ("captions", self._captions(captions)),  # first: whether they fit the model is seen by one of them
            ("pictures", self._pictures(variants)),
        ):
            # Closed here: an interrupt would keep it, and its VAE, for as long as the interrupt's traceback lives.
            with closing(progress):
                for done, total in progress:
                    guard.stop_if_interrupted()
                    yield Encoded(what, done, total)
        yield from self._overfull(self._store.trim())
        if not for_good and not self._counted_cuts:  # the first epoch tells: reading them all again would be idle
            self._counted_cuts = True
            unique = set(captions)
            cut = [c for c in unique if self._cut(c)]
            if cut:
                limit = min(c.max_tokens for c in cut)
                yield Warned(
                    f"{len(cut)} of {len(unique)} captions are longer than max_token_length ({limit}) and are cut."
                )

    def _captions(self, captions: list[SampleCaption]) -> Generator[tuple[int, int]]:
        """Encode captions, unless the text encoders are trained; the first encoding tells whether they fit the model."""
        for progress in self._texts.fill([] if self._live_text else captions, self._encode):
            if progress[0]:
                self._check_once(captions)
            yield progress
        self._check_once(captions)

    def _check_once(self, captions: list[SampleCaption]) -> None:
        """Check an encoded caption of these, once per run.

        Raises:
            AthanorError: the text encoders are those of another kind of model.
        """
        if self._checked or not captions:
            return
        self._checked = True
        known = next(filter(None, map(self._text, captions)), None) if not self._live_text else None
        if known is None:  # trained text encoders encode in every step
            known, _ = self._read(captions[0])
        self._check_text(known)

    def _overfull(self, overfull: Overfull | None) -> Iterator[Warned]:
        """Yield once that what is needed does not fit into the cache, first of this run and then of several."""
        if overfull is None or (alone := overfull.own > overfull.limit) in self._told_overfull:
            return
        self._told_overfull.add(alone)
        yield Warned(overfull.advice())

    def close(self) -> None:
        """Need nothing of the cache any more: the run has ended."""
        self._store.release()

    def _pictures(self, variants: list[CropVariant]) -> Generator[tuple[int, int]]:
        """Encode pictures in float32; what that takes is made for the first of them, and gone after the last."""
        with ExitStack() as stack:
            exact = cache(lambda: stack.enter_context(in_float32(self._vae)))
            yield from self._latents.fill(
                variants,
                lambda pixels: host_vae.encode(exact(), pixels),
                failing.on_pictures,
            )

    def _cut(self, caption: SampleCaption) -> bool:
        """Return whether a caption that has been filled in is longer than the encoders read."""
        if self._live_text:
            return host_text.tokenize(self._clip, caption.text, caption.weighted, caption.max_tokens)[1]
        return bool(self._texts.meta(caption).get("cut"))

    def _encode(self, caption: SampleCaption) -> tuple[Tensors, dict[str, Any]]:
        text, cut = self._read(caption, caption.without)
        tensors, plain = text.parts()
        return tensors, {"extras": plain, "cut": cut}

    def _read(self, caption: SampleCaption, without: Sequence[str] = ()) -> tuple[host_text.Text, bool]:
        """Encode a caption with the graph's CLIP, without some of its encoders; return also whether it was cut."""
        with failing.on_text("caption", caption.text):
            if caption.shown and self._controls:
                pictures = [self._latents.pixels(variant)[None] for variant in caption.shown]
                text = host_controls.encode(self._clip, self._controls, caption.text, pictures, caption.weighted)
                return text, False
            return host_text.encode(self._clip, caption.text, caption.weighted, caption.max_tokens, without)

    def _caption(self, sample: Sample) -> SampleCaption:
        """Return a sample's caption, with the control pictures that the text encoder sees."""
        if self._controls is None or not self._controls.encoder:
            return sample.caption
        return replace(sample.caption, shown=self._latents.controls(sample.variant))

    def _seen(self, variant: CropVariant) -> tuple[Any, ...]:
        """Return all that what the text encoder sees of a control picture depends on."""
        return self._controls and self._controls.encoder, *self._latents.seen(variant)

    def telling(self, what: str, batches: Sequence[PlannedBatch]) -> AbstractContextManager[None]:
        """Return the context in which the model works on batches; where it fails, `what` says so: 'Step 3 fails'."""
        return failing.on_batches(what, batches, self._buckets)

    def fetch(self, batch: PlannedBatch, *key: Any) -> Fetched | None:
        """Return a batch from the caches, its latents drawn by `key` (step and micro-batch), or without one their means; None if
        an encoding is lost.
        """
        latents, texts, masks, beside, lost = [], [], [], [], False
        for index, sample in enumerate(batch.samples):
            parts = self._latents.get(sample.variant)
            text = sample.caption if self._live_text else self._text(self._caption(sample))
            references = [self._latents.get(control) for control in self._latents.controls(sample.variant)]
            if parts is None or text is None or None in references:
                lost = True  # the others are read all the same: which of them are not finite is seen by reading alone
                continue
            latents.append(self._draw(parts, sample.variant, (*key, index)) if key else parts["mean"])
            texts.append(text)
            masks.append(parts.get("mask"))
            beside.append(self._beside([reference for reference in references if reference]))
        if lost:
            return None
        return Fetched(
            latents=torch.cat(latents),
            texts=texts,
            geometry=[self._geometry(sample) for sample in batch.samples],
            weights=torch.tensor([self._prior if sample.is_reg else 1.0 for sample in batch.samples]),
            mask=_together(masks),
            beside=beside,
        )

    def _beside(self, references: list[Tensors]) -> dict[str, Any]:
        """Return what CONDITIONING holds beside a sample's text, of latents that are not drawn: as VAE Encode gives them."""
        if self._buckets.inpainting:
            return host_controls.hidden(references[0]["mean"], references[0]["mask"])
        means = [reference["mean"] for reference in references]
        return host_controls.in_conditioning(self._controls, means) if self._controls else {}

    def _text(self, caption: SampleCaption) -> host_text.Text | None:
        encoding = self._texts.get(caption)
        return None if encoding is None else host_text.Text.of(encoding[0], encoding[1]["extras"])

    def fetch_again(self, batch: PlannedBatch, model: Trainable, *key: Any) -> Fetched:
        """Return a batch that was lost, since another process needed the cache's room: encoded once more.

        Raises:
            AthanorError: it is lost again at once, or none of its pictures can be encoded.
        """
        for _ in self.fill([batch], for_good=True):
            pass
        model.load()  # the encoders may have pushed it out
        usable = self.left_out.usable([batch])[0]
        if not usable.samples:
            raise self.left_out.error(batch.samples)
        fetched = self.fetch(usable, *key)
        if fetched is None:
            raise AthanorError(
                "An encoding was deleted from the cache folder as soon as it was made: switch cache_to_disk off in Cache Config, or "
                "find out which other program clears that folder."
            )
        return fetched

    def _draw(self, parts: Tensors, variant: CropVariant, key: tuple[Any, ...]) -> torch.Tensor:
        """(1, C, ...): mean + std * noise (Kingma and Welling 2013), or the mean alone."""
        if "std" not in parts or self._sampling == "mean":
            return parts["mean"]
        if self._sampling == "once":
            key = (self._latents.key(variant),)
        noise = torch.randn(parts["mean"].shape, generator=generator(self._seed, "posterior", *key))
        return parts["mean"] + parts["std"] * noise

    def _geometry(self, sample: Sample) -> Geometry:
        """Return what SDXL is told: the crop in the picture as it is trained on, mirrored with it."""
        placement, flip = sample.variant.placement, sample.variant.flip
        size = self._buckets.dataset.pictures[sample.variant.picture].size
        if self._sdxl_crop == "sd-scripts":
            return Geometry(size, recorded_crop(size, placement.bucket, flip), placement.bucket)
        left, top = placement.crop
        if flip:
            left = placement.resized[0] - placement.bucket[0] - left
        return Geometry(size, (left, top), placement.bucket)


def _together(masks: list[torch.Tensor | None]) -> torch.Tensor | None:
    """Masks (H, W) uint8 of one bucket -> (B, 1, H, W) float32 in 0..1, ones for pictures without; None if all are."""
    some = next((mask for mask in masks if mask is not None), None)
    if some is None:
        return None
    whole = torch.full_like(some, 255)
    return torch.stack([whole if mask is None else mask for mask in masks])[:, None].float() / 255


def to_device(fetched: Fetched, model: Trainable) -> DeviceBatch:
    """Put a fetched batch on the model's device."""
    return model.batch(
        fetched.latents, fetched.texts, fetched.geometry, fetched.weights, fetched.mask, beside=fetched.beside
    )
