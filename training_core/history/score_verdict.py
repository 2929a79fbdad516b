"""Say in words what the scores of a run's samples show: with their evidence and noise, and none of them decides by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from ..standard_error import ENOUGH, is_above
from ..wording import first_few, plural
from .scores import StepScores, measured_alike
from .verdict import Sentence

_MOST_NAMES = 6
"""Steps that a sentence names."""
_KINDS = ("likeness", "prompt")


def judge(steps: Sequence[StepScores]) -> list[Sentence]:
    """Return sentences on a run's scores, none where its samples were not scored.

    Pictures of one prompt are compared with each other from step to step, as they are drawn with one seed.
    """
    own = [each for each in measured_alike(steps) if each.step] if steps else []
    if not own:
        return []
    pictures = max(len(each.pictures) for each in own)
    found = [_best(own, name) for name in _KINDS] if len(own) > 1 else []
    sentences = [sentence for sentence in (_copies(own), *found) if sentence]
    if pictures < ENOUGH:
        sentences.append(
            Sentence("unknown", f"Scores of {plural(pictures, 'picture')} a time tell little: give Sample Config {ENOUGH} prompts or more.")
        )  # fmt: skip
    return sentences


def _best(steps: Sequence[StepScores], name: str) -> Sentence | None:
    """Return where a score is highest, with its noise, and which others cannot be told apart from it."""
    there = [each for each in steps if name in each.values]
    if len(there) < 2:
        return None
    call = _name(there)
    top = max(there, key=lambda each: each.values[name].mean)
    mean, error = top.values[name].mean, top.values[name].error
    noise = "" if error is None else f" ± {error:.3f}"
    evidence = (
        f"{mean:.3f}{noise}, standard error over {plural(top.values[name].n, 'picture')}, measured by {top.title}"
    )
    even = [call(each) for each in there if each is not top and not _is_above(top, each, name)]
    if len(even) == len(there) - 1:
        text = f"By {name}, the files cannot be told apart: their differences are within the noise (highest: {call(top)}, {evidence})."
        return Sentence("unknown", text)
    apart = f"; {first_few(even, _MOST_NAMES)} cannot be told apart from it" if even else ""
    return Sentence(  # both whole in one expression, as their translations are found by what stands in the code
        "note",
        (
            f"Samples of {call(top)} look most like the training pictures"
            if name == "likeness"
            else f"Samples of {call(top)} follow their prompts best"
        )
        + f" ({evidence}){apart}. No score decides by itself: look at them.",
    )


def _is_above(top: StepScores, other: StepScores, name: str) -> bool:
    """Return whether one step's pictures are above those of another, prompt by prompt, by more than the noise of the differences."""
    theirs = {each.index: each.values[name] for each in other.pictures if name in each.values}
    return is_above(
        [
            (e.same_prompt, e.values[name] - theirs[e.index])
            for e in top.pictures
            if e.index in theirs and name in e.values
        ]
    )


def _copies(steps: Sequence[StepScores]) -> Sentence | None:
    """Return at which steps samples look like copies of training pictures, and the best step at which none does."""
    found = [each for each in steps if each.copies]
    if not found:
        return None
    call = _name(steps)
    told = [f"{call(each)} ({each.copies} of {len(each.pictures)})" for each in found]
    clean = [each for each in steps if not each.copies and "likeness" in each.values]
    best = max(clean, key=lambda each: each.values["likeness"].mean, default=None)
    advice = f"take an earlier file ({call(best)} is most like them without copies)" if best else "take an earlier file"
    return Sentence(
        "bad",
        f"Samples look like copies of training pictures: {first_few(told, _MOST_NAMES)}. Look at them beside those; {advice}, or train "
        "fewer steps.",
    )


def _name(steps: Sequence[StepScores]) -> Callable[[StepScores], str]:
    """Return how these steps are called: by epoch, or where two of them are of one epoch, by step."""
    by_epoch = all(a.epoch < b.epoch for a, b in pairwise(steps))
    return lambda each: f"epoch {each.epoch}" if by_epoch else f"step {each.step}"
