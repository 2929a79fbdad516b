"""Measures pictures against a dataset: what XYZ Compare and Sample Config are given by the node Likeness."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.dataset import Dataset, Picture
from ..data.doctor.measure import load, source_of
from ..errors import AthanorError
from ..host import guard
from ..pictures import UnreadablePicture
from ..settings import DatasetSettings, LikenessSettings
from ..wording import plural
from . import copies
from .cache import PictureScore, ScoreCache, picture_digest, prompt_digest
from .copies import Calibration
from .looks import Look, Measure, Progress
from .nearness import Nearness, nearest
from .plain import PlainMeasure
from .prompts import TextTower, all_captions, belonging
from .references import References, digest, filtered, look_at, training_pictures

Say = Callable[[str, int, int], None]
"""Called with (what is looked at, done, total); what it raises ends the work."""
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture to be measured, and the prompt that it was drawn with."""

    pixels: np.ndarray  # (H, W, 3) uint8
    prompt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Against:
    """Everything a picture is compared with, once it was looked at."""

    training: References
    chosen: np.ndarray  # indices into them: those of the caption filter
    held_out: References | None
    nearness: tuple[Nearness, ...]  # by the measure, and by colours and edges


class Scorer:
    """Measures pictures; nothing is looked at before the first one that is not known yet."""

    def __init__(
        self,
        measure: Measure,
        dataset: Dataset,
        settings: LikenessSettings,
        *,
        folder: Path,
        held_out: Dataset | None = None,
        text: TextTower | None = None,
    ) -> None:
        """Choose the pictures, and name the scorer by all that its numbers depend on.

        Args:
            folder: of what was measured before.
            held_out: pictures that are not trained on; those of them in `dataset` are no training pictures.
            text: the text tower beside the measure; None: there is none.

        Raises:
            AthanorError: no caption has what the filter asks for, or there is no training picture.
        """
        self.measure, self.settings, self._text, self._plain = measure, settings, text, PlainMeasure()
        self._dataset, self._held_out = dataset, held_out
        apart = frozenset(picture.content for picture in held_out.pictures) if held_out else frozenset[str]()
        self._training = training_pictures(dataset, apart)
        self._held = training_pictures(held_out) if held_out else []
        if not self._training:
            raise AthanorError(
                "dataset has no picture to compare with: all of them are held out by validation, or regularization pictures."
            )
        self._chosen = filtered(self._training, settings.caption_filter)
        parts = [measure.content, digest(self._training), digest(self._chosen), digest(self._held), settings.k]
        parts += [f"copies {copies.VERSION}", text.content if text else ""]
        parts += [] if measure.weak else [self._plain.content]
        parts += [*_backgrounds(dataset, self._training), *(_backgrounds(held_out, self._held) if held_out else [])]
        self.id = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
        self._cache = ScoreCache(folder / f"{self.id}.jsonl")
        self._against: _Against | None = None
        self._names = _names(dataset, self._training)
        self._pictures = {self._names[picture.content]: picture for picture in self._training}

    @property
    def references(self) -> int:
        """How many training pictures likeness is measured to."""
        return len(self._chosen)

    def said(self) -> list[str]:
        """Return what is compared with what, in sentences."""
        out = len(self._training) - len(self._chosen)
        filtered = f"caption_filter leaves {plural(out, 'training picture')} out." if out else ""
        held = f"{plural(len(self._held), 'held-out picture')}: compared with apart from them." if self._held else ""
        weak = "; connect clip_vision for what pictures show" if self.measure.weak else ""
        lines = [
            f"Compares with {plural(len(self._chosen), 'training picture')}, whole and squeezed into a square.",
            filtered,
            held,
            f"Measure: {self.measure.title}{weak}.",
        ]
        return [line for line in lines if line]

    def few(self) -> list[str]:
        """Return why copies cannot be told, where that is seen before any picture is looked at; nothing otherwise."""
        is_few = len(self._training) < copies.NEEDED
        return [f"Fewer than {copies.NEEDED} training pictures: copies cannot be told."] if is_few else []

    def calibration(self, say: Say | None = None) -> Calibration:
        """Return from where on a picture is a copy, after all references were looked at."""
        found = self._look_at_references(say).nearness[0].calibration
        if self.measure.weak or found.threshold is None:
            return found
        return replace(found, said=f"{found.said} One that is as near by colours and edges counts, too.")

    def towers(self, prompts: Iterable[str], say: Say | None = None) -> str:
        """Return whether text tower and vision model know each other's vectors, and what of the prompts says less than it seems.

        Returns:
            some sentences; '' where there is no text tower, or no prompt.
        """
        asked = [prompt for prompt in prompts if prompt.strip()]
        if self._text is None or not asked:
            return ""
        training = self._look_at_references(say).training
        told = [belonging(self._text, training.wholes, training.pictures), self._text.cut(asked)]
        return " ".join(filter(None, [*told, all_captions(asked, training.pictures)]))

    def picture_of(self, name: str) -> Picture | None:
        """Return the training picture that scores call by that name; None if there is none."""
        return self._pictures.get(name)

    def thumbnail(self, name: str, side: int) -> Any:
        """Return a training picture of at most `side` pixels, as an RGB image; None if it cannot be read any more."""
        picture = self.picture_of(name)
        try:
            image = load(source_of(self._dataset, picture), side) if picture else None
        except UnreadablePicture:
            return None
        if image is not None:
            image.thumbnail((side, side))
        return image

    def read_prompts(self, prompts: Sequence[str]) -> None:
        """Encode prompts that pictures will be drawn with, so that no text encoder has to be loaded for them later.

        Raises:
            ForeignFault: the text encoder has failed.
        """
        if self._text is not None:
            self._text.vectors(prompts)

    @property
    def reads_prompts(self) -> bool:
        """Whether there is a text tower."""
        return self._text is not None

    def score(self, asked: Sequence[Asked], say: Say | None = None) -> list[PictureScore]:
        """Measure pictures, each once: what was measured before is read from the cache. An interrupt keeps what is done.

        Raises:
            AthanorError: no reference can be read, or the model has failed.
            FileError: what was measured cannot be written.
            BaseException: the host's own, where the user has interrupted.
        """
        keys = [
            (picture_digest(each.pixels), prompt_digest(each.prompt) if self._reads(each) else "") for each in asked
        ]
        # A file that was renamed since has other names than its lines in the cache: they are measured again.
        known = {key: score for key in keys if (score := self._cache.get(*key)) and score.nearest in self._pictures}
        missing = list({key: each for key, each in zip(keys, asked, strict=True) if key not in known}.items())
        against = self._look_at_references(say) if missing else None
        for start in range(0, len(missing), _BATCH):
            guard.stop_if_interrupted()
            if say:
                say("pictures", start, len(missing))
            some = missing[start : start + _BATCH]
            images = [each.pixels for _, each in some]
            looks = [self.measure.looks(images), *([] if self.measure.weak else [self._plain.looks(images)])]
            prompts = [each.prompt for _, each in some if self._reads(each)]
            texts = dict(zip(prompts, self._text.vectors(prompts), strict=True)) if self._text and prompts else {}
            for at, (key, each) in enumerate(some):
                assert against is not None
                known[key] = self._one([seen[at] for seen in looks], texts.get(each.prompt), against)
                self._cache.put(*key, known[key])
        return [known[key] for key in keys]

    def give_back(self) -> None:
        """Take the model off the device, if there is one."""
        self.measure.give_back()

    def _reads(self, asked: Asked) -> bool:
        """Whether it is measured how well a picture follows its prompt: an empty one says nothing that could be followed."""
        return self._text is not None and bool(asked.prompt.strip())

    def _one(self, looks: Sequence[Look], prompt: np.ndarray | None, against: _Against) -> PictureScore:
        look = looks[0]
        similar = np.sort(against.training.wholes[against.chosen] @ look.whole)[::-1]
        values = {"likeness": float(similar[: self.settings.k].mean()), "mean": float(similar.mean())}
        if against.held_out is not None:
            held = np.sort(against.held_out.wholes @ look.whole)[::-1]
            values["held_out"] = float(held[: self.settings.k].mean())
        if prompt is not None:
            values["prompt"] = float(prompt @ look.whole)
        index, near = nearest(against.nearness, [each.layout for each in looks])
        limit = against.nearness[0].calibration.threshold
        return PictureScore(
            values=values,
            nearest=self._names[against.training.pictures[index].content],
            nearest_value=near,
            copy=limit is not None and near >= limit,
            whole=look.whole.astype(np.float16).astype(
                np.float32
            ),  # as it is kept, so that variety is the same when it is read back
        )

    def _references(self, measure: Measure, tell: Progress) -> tuple[References, References | None]:
        """Return the training pictures and the held-out ones as a measure sees them."""
        held_out = look_at(self._held_out, self._held, measure, tell) if self._held_out and self._held else None
        return look_at(self._dataset, self._training, measure, tell), held_out

    def _look_at_references(self, say: Say | None) -> _Against:
        if self._against is None:

            def tell(done: int, total: int) -> None:
                guard.stop_if_interrupted()
                if say:
                    say("training pictures", done, total)

            training, held_out = self._references(self.measure, tell)
            nearness = [Nearness.of(training, held_out, self.measure.weak)]
            if not self.measure.weak:
                plain, plain_held = self._references(self._plain, tell)
                if plain.pictures == training.pictures:  # none was deleted in between
                    nearness.append(Nearness.of(plain, plain_held, True))
            names = {picture.content for picture in self._chosen}
            chosen = [i for i, picture in enumerate(training.pictures) if picture.content in names]
            self._against = _Against(
                training=training,
                chosen=np.array(chosen or range(len(training.pictures))),
                held_out=held_out,
                nearness=tuple(nearness),
            )
        return self._against


def _names(dataset: Dataset, pictures: Sequence[Picture]) -> dict[str, str]:
    """Return content -> what a picture is called; where several folders have one of that name, their number stands in front."""
    counts = Counter(picture.name for picture in pictures)
    return {p.content: p.name if counts[p.name] == 1 else f"folder {p.subset + 1}: {p.name}" for p in pictures}


def _backgrounds(dataset: Dataset, pictures: Sequence[Picture]) -> list[tuple[str, str]]:
    """Return (content, background) of pictures on another one than the usual, with which transparent ones look different."""
    grounds = ((picture.content, source_of(dataset, picture).background) for picture in pictures)
    return sorted((content, str(ground)) for content, ground in grounds if ground != DatasetSettings().alpha_background)
