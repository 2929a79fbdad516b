"""Scores of the sample pictures that a run draws: nothing of the training changes by them, and no failure ends a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import AthanorError
from ..history.events import Phase, Scored, Warned
from ..host import devices, foreign, sampling
from ..host.model import Trainable
from ..resume.progress import RunProgress

if TYPE_CHECKING:
    from ..score.scorer import Scorer

log = logging.getLogger("athanor")


class DrawnSample(NamedTuple):
    """A sample picture that was just drawn."""

    index: int  # of its prompt
    prompt: str
    seed: int
    pixels: np.ndarray  # (H, W, 3) uint8, as its file has them


def scored(
    scorer: Scorer | None, pictures: Sequence[DrawnSample], progress: RunProgress, model: Trainable
) -> Iterator[Phase | Scored | Warned]:
    """Measure the samples of one step; what fails becomes a warning.

    Args:
        scorer: of the node Likeness; None: nothing is measured.
        model: that is trained; a vision model may push it out of memory, and the caller loads it again.
    """
    if scorer is None or not pictures:
        return
    yield Phase("comparing the samples with the training pictures")
    try:
        with sampling.interlude(model):
            event = measured(scorer, pictures, progress.step, progress.epoch)
    except Exception as error:  # no score is worth the run
        yield Warned(f"The samples of step {progress.step} could not be scored ({failure(error)}).")
        return
    yield event


def failure(error: Exception) -> str:
    """Return why samples could not be scored, in words for brackets; what is no refusal of ours goes into the log with its traceback."""
    devices.is_out_of_memory(error)  # clears CUDA's record of it, by which the next operation would fail
    if not isinstance(error, (AthanorError, OSError)):
        log.warning("Athanor: the samples could not be scored", exc_info=error)
    return foreign.in_words(error).rstrip(".")


def measured(scorer: Scorer, pictures: Sequence[DrawnSample], step: int, epoch: int, say: Any = None) -> Scored:
    """Return what is measured on the samples of one step."""
    from ..score.scorer import Asked
    from ..score.summary import Checkpoint, Drawn

    scores = scorer.score([Asked(each.pixels, each.prompt) for each in pictures], say)
    drawn = [Drawn(each.prompt, each.seed, score) for each, score in zip(pictures, scores, strict=True)]
    whole = Checkpoint(labels=(), pictures=tuple(drawn))
    first = {each.prompt: each.index for each in reversed(pictures)}
    return Scored(
        step=step,
        epoch=epoch,
        scorer=scorer.id,
        title=scorer.measure.title,
        weak=scorer.measure.weak,
        values=whole.measured(),
        copies=whole.copies,
        scores=tuple(
            {"index": e.index, "same_prompt": first[e.prompt], **s.as_json()}
            for e, s in zip(pictures, scores, strict=True)
        ),
    )
