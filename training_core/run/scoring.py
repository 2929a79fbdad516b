"""Scores of the sample pictures that a run draws: nothing of the training changes by them, and no failure ends a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from ..errors import AthanorError
from ..history.events import Phase, Scored, Warned
from ..host import determinism, devices, foreign, sampling
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


def prompts_read(scorer: Scorer | None, prompts: Sequence[str]) -> Iterator[Phase | Warned]:
    """Let the scorer's text encoder read the samples' prompts before the model is loaded; what fails becomes a warning.

    Later it would take the room that steps need (T5, say, comes with the CLIP-L of Flux), and might be the one that is trained.
    """
    if scorer is None or not prompts or not scorer.reads_prompts:
        return
    yield Phase("encoding the sample prompts for their scores")
    try:
        with torch.no_grad(), determinism.outside_training():
            scorer.read_prompts(prompts)
    except Exception as error:  # no score is worth the run
        yield Warned(f"The sample prompts could not be encoded for their scores ({failure(error)}).")


def scored(
    scorer: Scorer | None, pictures: Sequence[DrawnSample], progress: RunProgress, model: Trainable
) -> Iterator[Phase | Scored | Warned]:
    """Measure the samples of one step; what fails becomes a warning.

    Args:
        scorer: of the node Likeness; None: nothing is measured.
        model: that is trained; a vision model may push it out of memory, and the caller loads it again. That model leaves the
            device afterwards: what a step takes was tried without it.
    """
    if scorer is None or not pictures:
        return
    yield Phase("comparing the samples with the training pictures")
    try:
        with sampling.interlude(model):
            try:
                event = measured(scorer, pictures, progress.step, progress.epoch)
            finally:
                scorer.give_back()
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
