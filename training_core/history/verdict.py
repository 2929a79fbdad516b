"""Say in words what the losses and the probes of a run show, and say so where they show nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

MEASUREMENTS = 5
"""Fewer measurements of the probe, the one before training included, are no evidence of learning."""
IN_A_ROW = 3
"""So many measurements in a row must agree before a rise or a fall counts."""
ABOVE = 1.0
"""Points above the start at which the last measurement is worse than no training, however noisy the probe is."""
FEW_ABOVE = 5.0
"""The same where the probe was measured fewer than MEASUREMENTS times, so that its noise is not known."""
CALM = 105.0
"""Per cent of the start up to which a probe may stray before a higher learning rate is out of the question."""
FEW_ALIKE, MOST_ALIKE = 3, 6
"""Saved files at the end of a run that differ by no more than noise: from how many on an average is advised, and of how many."""
WILD = 150.0
"""Per cent of the start from which on a run was unstable, wherever it ended."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the verdict, and what kind of news it is."""

    kind: Literal["good", "note", "bad", "unknown"]
    text: str


def judge(
    probes: Sequence[tuple[int, float]],
    held_out: bool,
    losses: Sequence[float],
    checkpoints: Sequence[tuple[int, int]] = (),
    *,
    still: bool = False,
) -> list[Sentence]:
    """Return sentences on a run, the most important first; never none.

    Args:
        probes: (finished steps, per cent of the loss before training, NaN where a look gave none), in order.
        held_out: the probe uses pictures that training does not see.
        losses: of steps in order, NaN where a step gave none; a thinned series will do.
        checkpoints: (step, epoch) of the saved files, to name the nearest.
        still: the gradient or the learning rate was 0 in every step.
    """
    if still:
        return [Sentence("bad", "Nothing was learned: the gradient or the learning rate was 0 in every step. Look at the dropouts of "
                                "Network Config (1 drops all), at masks, and at learning_rate.")]  # fmt: skip
    sentences = _broken(losses)
    measured = [(step, percent) for step, percent in probes if math.isfinite(percent)]
    if probes and not math.isfinite(probes[-1][1]):
        before = "; files saved before may still be good" if len(checkpoints) > 1 else ""
        return [*sentences, Sentence("bad", f"The probe gave NaN or infinity after step {probes[-1][0]}: the LoRA is broken. Lower "
                                            f"the learning rate{before}.")]  # fmt: skip
    if ends_worse(measured):
        return [*sentences, _worse(measured, held_out, checkpoints)]
    if len(measured) < MEASUREMENTS:
        count = len(measured)
        reason = (
            f"too few measurements of the probe ({count} of {MEASUREMENTS} that are needed)"
            if count
            else "there was no probe"
        )
        return [*sentences, Sentence("unknown", f"Not enough evidence: {reason}. Judge by the sample pictures.")]
    noise, advice = noise_of([percent for _, percent in measured]), _advice(measured, losses)
    found = (_of_held_out if held_out else _of_training)(measured, noise, checkpoints)
    if found is None:
        found = [_nothing_learned(measured, noise, advice)]
    return [*sentences, *_unstable(measured), *found]


def ends_worse(probes: Sequence[tuple[int, float]]) -> bool:
    """Return whether the last look at the probe gave no number, or one above that of the start: training has done harm.

    Args:
        probes: (finished steps, per cent of the loss before training, NaN where a look gave none), in order.
    """
    percents = [percent for _, percent in probes]
    if not percents or not math.isfinite(percents[-1]):
        return bool(percents)
    known = [percent for percent in percents if math.isfinite(percent)]
    margin = min(ABOVE, 2 * noise_of(known)) if len(known) >= MEASUREMENTS else FEW_ABOVE
    return known[-1] > 100 + margin


def harmed(probes: Sequence[tuple[int, float]]) -> bool:
    """Return whether the probe alone makes the verdict bad: the run ended worse than it began, or was far above its start meanwhile."""
    return ends_worse(probes) or any(percent >= WILD for _, percent in probes)


def _worse(probes: Sequence[tuple[int, float]], held_out: bool, checkpoints: Sequence[tuple[int, int]]) -> Sentence:
    """Return the sentence about a run that ends above its start, with the place where it was best, if it ever was better."""
    last, (lowest, best), (highest, worst) = probes[-1][1], *(f(probes, key=lambda p: p[1]) for f in (min, max))
    at = f"{last:.1f} % of the start"
    if worst > max(1.2 * last, 100 + 2 * (last - 100)):
        at = f"{last:.1f} % of the start, {worst:.1f} % at its worst (step {highest})"
    if held_out and best < 100 - ABOVE:
        return Sentence("bad", f"Held-out pictures end worse than before training: the probe is at {at}, and was at {best:.1f} % at "
                               f"step {lowest}. Train fewer steps, or lower the learning rate.{_look_at(lowest, checkpoints)}")  # fmt: skip
    if held_out:
        return Sentence("bad", f"Held-out pictures have only become worse: the probe is at {at}. Lower the learning rate, or check that "
                               "the captions fit.")  # fmt: skip
    return Sentence("bad", f"The probe is at {at}: the LoRA has become worse on its own training pictures. Lower the learning "
                           "rate.")  # fmt: skip


def _unstable(probes: Sequence[tuple[int, float]]) -> list[Sentence]:
    """Return a sentence about a probe that went far above its start and came back."""
    step, worst = max(probes, key=lambda p: p[1])
    if worst < WILD:
        return []
    return [Sentence("bad", f"Training was unstable: the probe was at {worst:.1f} % of the start at step {step} before it came back to "
                            f"{probes[-1][1]:.1f} %. Lower the learning rate.")]  # fmt: skip


def _advice(probes: Sequence[tuple[int, float]], losses: Sequence[float]) -> str:
    """Return what to do about a run that has not learned: a higher rate only where nothing has ever gone up."""
    worst = max(percent for _, percent in probes)
    if worst >= WILD:
        return "Lower the learning rate."
    if worst > CALM or probes[-1][1] > 100 or _risen(losses, 1.5):
        return "Train more steps."
    return "Train more steps, or try a higher learning rate."


def _broken(losses: Sequence[float]) -> list[Sentence]:
    """Return sentences about steps that gave no number, and about a loss that diverges."""
    sentences = []
    bad = sum(not math.isfinite(loss) for loss in losses)
    if bad:
        sentences.append(
            Sentence(
                "bad",
                f"{100 * bad / len(losses):.1f} % of the steps gave NaN or infinity: try a lower learning rate, or bf16.",
            )
        )
    good = [loss for loss in losses if math.isfinite(loss)]
    # Of a short run a median is of few losses, each of which may be ten times another by its noise level alone.
    part, words, factor = (len(good) // 10, "tenth", 3) if len(good) >= 100 else (len(good) // 3, "third", 10)
    if part >= 5:
        first, last = median(good[:part]), median(good[-part:])
        if last > factor * first:
            sentences.append(
                Sentence(
                    "bad",
                    f"The loss diverges: {last:.3g} in the last {words} of the steps, {first:.3g} in the first. "
                    "Lower the learning rate.",
                )
            )
    return sentences


def _risen(losses: Sequence[float], factor: float) -> bool:
    """Return whether the middle loss of the last third is more than `factor` times that of the first."""
    good = [loss for loss in losses if math.isfinite(loss)]
    third = len(good) // 3
    return third >= 5 and median(good[-third:]) > factor * median(good[:third])


def noise_of(percents: Sequence[float]) -> float:
    """Return how far a measurement strays from its neighbours, in per cent of the start; a straight descent has none.

    The second difference of independent errors has sqrt(6) times their spread, and its mean size is sqrt(2 / pi) of that.
    The first measurement is left out: the steepest part of the descent is no noise.
    """
    rest = percents[1:]
    bends = [abs(a - 2 * b + c) for a, b, c in zip(rest, rest[1:], rest[2:], strict=False)]
    return max(0.05, sum(bends) / max(1, len(bends)) / math.sqrt(12 / math.pi))


def _of_held_out(
    probes: Sequence[tuple[int, float]], noise: float, checkpoints: Sequence[tuple[int, int]]
) -> list[Sentence] | None:
    """Return sentences on a probe of pictures that training does not see; None if nothing was learned."""
    lowest = min(range(len(probes)), key=lambda i: probes[i][1])
    step, best = probes[lowest]
    since = probes[lowest + 1 :]
    # One measurement may be low by chance: a rise counts from the middle one of the lowest and its neighbours.
    level = median(percent for _, percent in probes[max(0, lowest - 1) : lowest + 2]) if lowest else best
    risen = len(since) >= IN_A_ROW and all(p > level + 3 * noise for _, p in since[-IN_A_ROW:])
    where = f"The probe of held-out pictures was lowest at step {step}, {best:.1f} % of the start"
    if lowest == 0 or probes[-1][1] > 100:
        return None
    if risen:
        rise = since[-1][1] - best
        return [Sentence("note", f"{where}; {rise:+.1f} points over {len(since)} measurements since, more than its noise of "
                                 f"{noise:.1f}: the LoRA overfits from there on."
                                 f"{_look_at(step, checkpoints)}")]  # fmt: skip
    falling = _falling(probes, noise)
    if falling:
        return [Sentence("good", f"{where}, and is still falling ({falling:.1f} points over the last {IN_A_ROW} measurements): "
                                 "more steps may help.")]  # fmt: skip
    if 100 - best <= 2 * noise:
        return None
    stayed = Sentence("good", f"{where}, and has stayed there within its noise of {noise:.1f} points: there is no sign of "
                              f"overfitting.{_look_at(step, checkpoints)}")  # fmt: skip
    alike = _alike(probes, level + noise, checkpoints)
    return [stayed, *([_average(alike)] if alike >= FEW_ALIKE else [])]


def _alike(probes: Sequence[tuple[int, float]], most: float, checkpoints: Sequence[tuple[int, int]]) -> int:
    """Return how many saved files there are since all measurements of the probe are at most `most`."""
    since = next((probes[i][0] for i in range(len(probes)) if all(p <= most for _, p in probes[i:])), None)
    return 0 if since is None else len({step for step, _ in checkpoints if step >= since})


def _average(alike: int) -> Sentence:
    count = min(alike, MOST_ALIKE)
    return Sentence("note", f"The probe cannot tell the last {alike} saved files apart: mean(last {count}) in epochs of LoRA Run Axis "
                            "draws their average, which is about as good as the best of them, whichever that is.")  # fmt: skip


def _of_training(
    probes: Sequence[tuple[int, float]], noise: float, _checkpoints: Sequence[tuple[int, int]]
) -> list[Sentence] | None:
    """Return sentences on a probe of training pictures; None if nothing was learned."""
    last = probes[-1][1]
    limits = Sentence(
        "unknown",
        "Overfitting cannot be detected: the probe uses training pictures. Judge by the sample pictures, "
        "or hold some pictures out in Validation Config.",
    )
    if 100 - last <= 2 * noise:
        return None
    falling = _falling(probes, noise)
    if falling:
        words = f"still falling ({falling:.1f} points over the last {IN_A_ROW} measurements)"
    else:
        within = next(i for i in range(len(probes)) if all(abs(p - last) <= 3 * noise for _, p in probes[i:]))
        if within == 0:  # the start too lies within the noise of the end: nothing has moved that can be told from noise
            return None
        words = f"flat since step {probes[within][0]}"
    return [
        Sentence(
            "good",
            f"The LoRA has learned: the probe is at {last:.1f} % of the start after step {probes[-1][0]}, {words}.",
        ),
        limits,
    ]


def _nothing_learned(probes: Sequence[tuple[int, float]], noise: float, advice: str) -> Sentence:
    return Sentence(
        "unknown",
        f"Not enough evidence that the LoRA has learned: the probe is at {probes[-1][1]:.1f} % of the start, its noise is {noise:.1f} "
        f"points. {advice}",
    )


def _falling(probes: Sequence[tuple[int, float]], noise: float) -> float:
    """Return by how many points the last measurements have fallen, each below the one before; 0 if that may be noise."""
    tail = [percent for _, percent in probes[-IN_A_ROW - 1 :]]
    fallen = tail[0] - tail[-1]
    steady = all(later < earlier for earlier, later in pairwise(tail))
    return fallen if steady and fallen > 2 * noise else 0.0


def _look_at(step: int, checkpoints: Sequence[tuple[int, int]]) -> str:
    """Return a sentence that names the three saved files nearest to a step; "" if there are none."""
    near = sorted(sorted(set(checkpoints), key=lambda c: abs(c[0] - step))[:3])
    return f" Look at {', '.join(f'epoch {e} (step {s})' for s, e in near)}." if near else ""
