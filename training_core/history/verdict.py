"""Say in words what the losses and the probes of a run show, and say so where they show nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

MEASUREMENTS = 5
"""Fewer measurements of the probe, the one before training included, are no evidence."""
IN_A_ROW = 3
"""So many measurements in a row must agree before a rise or a fall counts."""


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
        probes: (finished steps, per cent of the loss before training), in order.
        held_out: the probe uses pictures that training does not see.
        losses: of steps in order, NaN where a step gave none; a thinned series will do.
        checkpoints: (step, epoch) of the saved files, to name the nearest.
        still: the gradient or the learning rate was 0 in every step.
    """
    if still:
        return [Sentence("bad", "Nothing was learned: the gradient or the learning rate was 0 in every step. Look at the dropouts of "
                                "Network Config (1 drops all), at masks, and at learning_rate.")]  # fmt: skip
    sentences = _broken(losses)
    if len(probes) < MEASUREMENTS:
        reason = (
            f"the probe was measured {len(probes)} times, {MEASUREMENTS} are needed" if probes else "there was no probe"
        )
        return [*sentences, Sentence("unknown", f"Not enough evidence: {reason}. Judge by the sample pictures.")]
    noise = _noise([percent for _, percent in probes])
    return sentences + (_of_held_out if held_out else _of_training)(probes, noise, checkpoints)


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
    tenth = len(good) // 10
    if tenth >= 10:
        first, last = median(good[:tenth]), median(good[-tenth:])
        if last > 3 * first:
            sentences.append(
                Sentence(
                    "bad",
                    f"The loss diverges: {last:.3g} in the last tenth of the steps, {first:.3g} in the first. "
                    "Lower the learning rate.",
                )
            )
    return sentences


def _noise(percents: Sequence[float]) -> float:
    """Return how far a measurement strays from its neighbours, in per cent of the start; a straight descent has none.

    The second difference of independent errors has sqrt(6) times their spread, and its mean size is sqrt(2 / pi) of that.
    The first measurement is left out: the steepest part of the descent is no noise.
    """
    rest = percents[1:]
    bends = [abs(a - 2 * b + c) for a, b, c in zip(rest, rest[1:], rest[2:], strict=False)]
    return max(0.05, sum(bends) / len(bends) / math.sqrt(12 / math.pi))


def _of_held_out(
    probes: Sequence[tuple[int, float]], noise: float, checkpoints: Sequence[tuple[int, int]]
) -> list[Sentence]:
    lowest = min(range(len(probes)), key=lambda i: probes[i][1])
    step, best = probes[lowest]
    since = probes[lowest + 1 :]
    # One measurement may be low by chance: a rise counts from the middle one of the lowest and its neighbours.
    level = median(percent for _, percent in probes[max(0, lowest - 1) : lowest + 2]) if lowest else best
    risen = len(since) >= IN_A_ROW and all(p > level + 3 * noise for _, p in since[-IN_A_ROW:])
    where = f"The probe of held-out pictures was lowest at step {step}, {best:.1f} % of the start"
    if lowest == 0:
        if risen:
            return [Sentence("bad", f"Held-out pictures have only become worse: the probe is at {since[-1][1]:.1f} % of the start. "
                                    "Lower the learning rate, or check that the captions fit.")]  # fmt: skip
        return [_nothing_learned(since[-1][1], noise)]
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
        return [_nothing_learned(best, noise)]
    return [Sentence("good", f"{where}, and has stayed there within its noise of {noise:.1f} points: there is no sign of "
                             f"overfitting.{_look_at(step, checkpoints)}")]  # fmt: skip


def _of_training(
    probes: Sequence[tuple[int, float]], noise: float, _checkpoints: Sequence[tuple[int, int]]
) -> list[Sentence]:
    last = probes[-1][1]
    limits = Sentence(
        "unknown",
        "Overfitting cannot be detected: the probe uses training pictures. Judge by the sample pictures, "
        "or hold some pictures out in Validation Config.",
    )
    if last > 100 + 2 * noise:
        return [Sentence("bad", f"The probe is at {last:.1f} % of the start: the LoRA has become worse on its own "
                                "training pictures. Lower the learning rate.")]  # fmt: skip
    if 100 - last <= 2 * noise:
        return [_nothing_learned(last, noise)]
    falling = _falling(probes, noise)
    if falling:
        words = f"still falling ({falling:.1f} points over the last {IN_A_ROW} measurements)"
    else:
        within = next(i for i in range(len(probes)) if all(abs(p - last) <= 3 * noise for _, p in probes[i:]))
        words = f"flat since step {probes[within][0]}"
    return [
        Sentence(
            "good",
            f"The LoRA has learned: the probe is at {last:.1f} % of the start after step {probes[-1][0]}, {words}.",
        ),
        limits,
    ]


def _nothing_learned(percent: float, noise: float) -> Sentence:
    return Sentence(
        "unknown",
        f"Not enough evidence that the LoRA has learned: the probe is at {percent:.1f} % of the start, its noise is {noise:.1f} "
        "points. Train more steps, or try a higher learning rate.",
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
