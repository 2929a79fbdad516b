"""From single pictures to means with their noise, and to the sentence that says what they show (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isqrt
from statistics import fmean
from typing import Any

import numpy as np

from ..standard_error import ENOUGH, PROMPTS, SEEDS, errors_between, is_above, standard_error
from ..wording import first_few, plural
from .cache import PictureScore
from .copies import Calibration

_MOST_NAMES = 6
"""Checkpoints that a sentence names."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A measured picture, with what it was drawn with besides the checkpoint."""

    prompt: str
    seed: Hashable
    score: PictureScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The pictures of one checkpoint: one value of the axes that are neither prompt nor seed."""

    labels: tuple[str, ...]
    pictures: tuple[Drawn, ...]

    @property
    def name(self) -> str:
        """Its labels in one text."""
        return ", ".join(self.labels) or "all pictures"

    @property
    def copies(self) -> int:
        """How many of its pictures look like copies."""
        return sum(each.score.copy for each in self.pictures)

    def values(self, name: str) -> list[tuple[str, float]]:
        """Return (prompt, value) of each picture that has this score."""
        return [(each.prompt, each.score.values[name]) for each in self.pictures if name in each.score.values]

    @property
    def names(self) -> list[str]:
        """The scores that its pictures have."""
        return list(dict.fromkeys(name for each in self.pictures for name in each.score.values))

    def measured(self) -> dict[str, dict[str, Any]]:
        """Return mean, standard error and number of each score, by its name; variety as well."""
        found = {name: mean(self.values(name)) for name in self.names}
        return found | ({"variety": mean_of_pairs(pairs)} if (pairs := variety(self.pictures)) else {})


def measured(checkpoints: Sequence[Checkpoint]) -> list[dict[str, dict[str, Any]]]:
    """Return what each checkpoint has measured, with errors that tell them apart: without what prompts and seeds have in common in all.

    Prompts differ more in their likeness, and in how well any picture follows them, than the epochs of a run do.
    """
    found = [each.measured() for each in checkpoints]
    kinds = [(name, [_numbered(each.pictures, name) for each in checkpoints], mean) for name in _all_names(checkpoints)]
    kinds.append(("variety", [_numbered_pairs(each.pictures) for each in checkpoints], mean_of_pairs))
    for name, rows, of in kinds:
        errors = errors_between(rows, lambda values, of=of: of(values)["error"])
        for error, own in zip(errors, found, strict=True):
            if name in own:
                own[name]["error"] = None if error is None else round(error, 4)
    return found


def _all_names(checkpoints: Sequence[Checkpoint]) -> list[str]:
    return list(dict.fromkeys(name for each in checkpoints for name in each.names))


def _numbered(pictures: Sequence[Drawn], name: str) -> dict[tuple[str, Hashable, int], float]:
    """Return a score by prompt, seed and place among the pictures that share both, as those with other negative prompts do."""
    return _by_place([((e.prompt, e.seed), e.score.values[name]) for e in pictures if name in e.score.values])


def _numbered_pairs(pictures: Sequence[Drawn]) -> dict[tuple[str, Hashable, int], float]:
    pairs = _pairs(pictures)
    return _by_place([((one.prompt, (one.seed, other.seed)), _unlike(one, other)) for one, other in pairs])


def _by_place(values: Sequence[tuple[tuple[str, Hashable], float]]) -> dict[tuple[str, Hashable, int], float]:
    seen: Counter[tuple[str, Hashable]] = Counter()
    found = {}
    for key, value in values:
        found[(*key, seen[key])] = value
        seen[key] += 1
    return found


def mean(values: Sequence[tuple[Hashable, float]]) -> dict[str, Any]:
    """Return the mean of (prompt, value), its standard error (None of a single picture) and how many there are."""
    error = standard_error(values)
    average = fmean(value for _, value in values)
    return {"mean": round(average, 4), "error": None if error is None else round(error, 4), "n": len(values)}


def mean_of_pairs(values: Sequence[tuple[Hashable, float]]) -> dict[str, Any]:
    """Return the same of (prompt, value) of all pairs of a prompt's pictures, of which only those without a picture in common tell
    anything of each other's noise.

    The mean over all pairs of s pictures has at most the variance of floor(s / 2) independent ones (Hoeffding 1948): so many count.
    """
    found = mean(values)
    counts = Counter(prompt for prompt, _ in values)
    apart = sum((1 + isqrt(1 + 8 * pairs)) // 4 for pairs in counts.values())  # pairs = s (s - 1) / 2
    if apart < 2:
        return found | {"error": None}
    spread = float(np.std([value for _, value in values], ddof=1)) / apart**0.5
    return found | {"error": round(max(found["error"], spread), 4)}


def variety(pictures: Sequence[Drawn]) -> list[tuple[str, float]]:
    """Return (prompt, 1 - similarity) of each pair of pictures with one prompt and two seeds."""
    return [(one.prompt, _unlike(one, other)) for one, other in _pairs(pictures)]


def _pairs(pictures: Sequence[Drawn]) -> list[tuple[Drawn, Drawn]]:
    return [
        (one, other)
        for one, other in combinations(pictures, 2)
        if one.prompt == other.prompt and one.seed != other.seed and len(one.score.whole) == len(other.score.whole)
    ]


def _unlike(one: Drawn, other: Drawn) -> float:
    return float(1 - one.score.whole @ other.score.whole)


_Table = Sequence[tuple[Checkpoint, dict[str, dict[str, Any]]]]
"""Checkpoints with what they have measured."""


def verdict(checkpoints: Sequence[Checkpoint], weak: bool, calibration: Calibration) -> str:
    """Return what the scores of several checkpoints show, with evidence and noise; none of them decides by itself.

    Args:
        weak: measured without a vision model.
        calibration: how copies are told, or why they cannot be.
    """
    table = list(zip(checkpoints, measured(checkpoints), strict=True))
    said = [_best(table, "likeness"), _without_copies(table)]
    if any("prompt" in told for _, told in table):
        said.append(_best(table, "prompt"))
    said += [_copies(checkpoints, calibration), _noise(checkpoints)]
    if weak:
        said.append(
            "Measured by colours and edges alone, which is weak evidence: connect a CLIP Vision model to Likeness."
        )
    return "\n".join(filter(None, said))


def _ranked(table: _Table, name: str) -> list[tuple[Checkpoint, dict[str, Any]]]:
    """Return the checkpoints that have a score with what it is, the one with the highest mean first."""
    there = [(each, told[name]) for each, told in table if name in told]
    return sorted(there, key=lambda pair: -fmean(value for _, value in pair[0].values(name)))


def _best(table: _Table, name: str) -> str:
    """Return which checkpoint has the highest mean, and which others cannot be told from it, picture by picture."""
    ranked = _ranked(table, name)
    if len(ranked) < 2:
        return ""
    (best, told), others = ranked[0], ranked[1:]
    even = [e.name for e, _ in others if not _is_above(best, e, name)] if len(best.pictures) >= ENOUGH else []
    evidence = _evidence(best, told)
    return (
        f"Most like the training pictures: {best.name} ({evidence})"
        if name == "likeness"
        else f"Follows its prompt best: {best.name} ({evidence})"
    ) + (f"; cannot be told apart from it: {first_few(even, _MOST_NAMES)}." if even else ".")


def _without_copies(table: _Table) -> str:
    """Return which checkpoint comes first once those with copies are left out; '' where the first one has none."""
    ranked = _ranked(table, "likeness")
    clean = [(each, told) for each, told in ranked if not each.copies]
    if len(ranked) < 2 or not clean or not ranked[0][0].copies:
        return ""
    return f"Most like them without copies: {clean[0][0].name} ({_evidence(*clean[0])})."


def _evidence(checkpoint: Checkpoint, told: dict[str, Any]) -> str:
    """Return a mean with its noise, and over what: '0.800 ± 0.010 over 3 prompts and 3 seeds'."""
    noise = f" ± {told['error']:.3f}" if told["error"] is not None else ""
    prompts, seeds = _counts([checkpoint])
    whole = "" if told["n"] == prompts * seeds else f"{plural(told['n'], 'picture')} of "
    return f"{told['mean']:.3f}{noise} over {whole}{plural(prompts, 'prompt')} and {plural(seeds, 'seed')}"


def _is_above(best: Checkpoint, other: Checkpoint, name: str) -> bool:
    """Return whether `best` is above `other` by more than the noise of their differences, prompt and seed alike."""
    mine = {(each.prompt, each.seed): each.score.values[name] for each in best.pictures if name in each.score.values}
    theirs = {(each.prompt, each.seed): each.score.values[name] for each in other.pictures if name in each.score.values}
    return is_above([(key[0], mine[key] - theirs[key]) for key in mine if key in theirs])


def _copies(checkpoints: Sequence[Checkpoint], calibration: Calibration) -> str:
    found = [each for each in checkpoints if each.copies]
    if calibration.threshold is None:
        return calibration.said
    if not found:
        return "No picture looks like a copy of a training picture."
    told = [f"{each.name} ({each.copies} of {len(each.pictures)})" for each in found]
    return f"Pictures that look like copies of training pictures: {first_few(told, _MOST_NAMES)}; look at them beside their nearest ones."


def _noise(checkpoints: Sequence[Checkpoint]) -> str:
    prompts, seeds = _counts(checkpoints)
    if prompts >= PROMPTS and seeds >= SEEDS:
        return ""
    return (
        f"{plural(prompts, 'prompt')} and {plural(seeds, 'seed')} tell little: differences may be chance. Use at least {PROMPTS} "
        f"prompts and {SEEDS} seeds."
    )


def _counts(checkpoints: Sequence[Checkpoint]) -> tuple[int, int]:
    """Return how many prompts and seeds there are."""
    pictures = [each for checkpoint in checkpoints for each in checkpoint.pictures]
    return len({each.prompt for each in pictures}), len({each.seed for each in pictures})
