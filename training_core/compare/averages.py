"""Averages of a run's saved epochs, as values of an axis: what is meant, and the weight of each file (pure).

The average of LoRAs' changes is that of all of them on the model at once, each at its part of the strength, so an average
costs no file. What is no sum of changes (DoRA, OFT, BOFT) has no such average.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .. import file_names, lists
from ..errors import AthanorError, quoted
from ..lora_keys import DORA as NORMS
from . import grammar

_AVERAGE = re.compile(r"\b(mean|ema|lerp)\s*\(((?:[^()]|\([^()]*\))*)\)", re.IGNORECASE)
BRACKETS = str.maketrans("（）", "()")
"""As Chinese keyboards write them."""
_BETWEEN = re.compile(r"[,，、\n]|\|\|")
LONGEST = 0.28
"""Of `ema`: at 0.2887 (1 / sqrt 12) all of the training counts the same, and no profile is longer."""
_FURTHEST = 5
"""Of `lerp`, beyond its two epochs: Load LoRA takes strengths up to 100, which each part must stay below."""
LEAST = 0.005
"""Files of a smaller weight are left out: each costs a pass over the model's weights."""
_NO_SUM = ("oft_blocks", "oft_R", "rescale", "set_weight", "on_input", "a1.weight")
FOLDER = "athanor-averages"
"""Below the first loras folder: the host's loader must find the file by its name, as the graph in a picture has it."""
SUM, DORA, OTHER = "sum", "dora", "other"
"""What a LoRA file is: a sum of changes, of which parts are parts; changes under norms; or neither."""
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """One average as a filter of checkpoints has it.

    Args:
        kind: mean, ema or lerp.
        label: what the value is called on the grid.
        which: the epochs: a filter for mean, the last epoch that counts for ema ("": all), the two for lerp.
        amount: of ema the standard deviation as a part of the training before; of lerp the part of the second.
    """

    kind: str
    label: str
    which: tuple[str, ...]
    amount: float = 0.0


def split(text: str, field: str = "epochs") -> tuple[str, list[Average]]:
    """Return a filter of checkpoints without its averages, and the averages, in their order.

    `mean(6-10)` or with any other filter inside; `ema(0.1)`, `ema(0.1, 8)` up to epoch 8; `lerp(4, 8, 0.3)`: 0.7 of epoch 4 and 0.3
    of epoch 8, also with a range of parts.

    Raises:
        AthanorError: an average cannot be read; names `field`.
    """
    text = text.translate(BRACKETS)
    averages = [each for match in _AVERAGE.finditer(text) for each in _read(match[1].lower(), match[2], field)]
    if not averages:
        return text, []
    parts = map(str.strip, _BETWEEN.split(_AVERAGE.sub(",", text)))
    return ", ".join(filter(None, parts)), lists.once(averages)


def _read(kind: str, inside: str, field: str) -> list[Average]:
    words = [word.strip() for word in inside.split(",") if word.strip()]
    if kind == "mean":
        which = ", ".join(words)
        if not words:
            raise AthanorError(f"{field}: mean() has no epochs; write mean(6-10), mean(last 3) or mean(2, 4, 6).")
        return [Average(kind=kind, label=f"mean {which}", which=(which,))]
    if kind == "ema":
        if len(words) not in (1, 2):
            raise AthanorError(f"{field}: {quoted(f'ema({inside})')} is not understood; write ema(0.1) or ema(0.1, 8).")
        lengths = [float(number) for number in grammar.numbers(words[0], field)]
        for length in lengths:
            if not 0.01 <= length <= LONGEST:
                raise AthanorError(f"{field}: ema({length:g}) is not from 0.01 to {LONGEST}; 0.05 to 0.15 is usual.")
        end = f" to {words[1]}" if words[1:] else ""
        return [Average(kind=kind, label=f"ema {x:g}{end}", which=tuple(words[1:]), amount=x) for x in lengths]
    if len(words) != 3:
        raise AthanorError(
            f"{field}: {quoted(f'lerp({inside})')} is not understood; write lerp(4, 8, 0.3) for 0.7 of epoch 4 and 0.3 of epoch 8."
        )
    parts = [float(number) for number in grammar.numbers(words[2], field)]
    first, second = words[:2]
    for part in parts:
        if not -_FURTHEST <= part <= _FURTHEST:
            raise AthanorError(
                f"{field}: lerp({first}, {second}, {part:g}) is not from -{_FURTHEST} to {_FURTHEST}; 0 to 1 is between the two."
            )
    return [Average(kind=kind, label=f"lerp {first} {second} {x:g}", which=(first, second), amount=x) for x in parts]


def ema_weights(places: Sequence[float], length: float) -> list[float]:
    """Return how much each of the files that were saved at these steps counts in an average with a power-function profile.

    The profile is that of Karras et al. 2023 (arXiv 2312.02696, section 3.1): steps count with t^gamma, where
    `length` = sqrt(gamma + 1) / ((gamma + 2) sqrt(gamma + 3)) is its standard deviation as a part of the training up to its end.
    Each file stands for the steps that are nearest to it.

    Args:
        places: steps or epochs, rising, from above 0.
        length: from 0.01 to LONGEST.

    Returns:
        Numbers of sum 1.
    """
    power, end = _gamma(length) + 1, places[-1]
    bounds = [0.0, *((before + after) / 2 for before, after in pairwise(places)), end]
    return [(high / end) ** power - (low / end) ** power for low, high in pairwise(bounds)]


def _gamma(length: float) -> float:
    """Return the exponent of the profile whose standard deviation this is, by bisection: it falls as the exponent rises."""
    low, high = 0.0, 1e5
    for _ in range(100):
        middle = (low + high) / 2
        if (middle + 1) ** 0.5 / ((middle + 2) * (middle + 3) ** 0.5) > length:
            low = middle
        else:
            high = middle
    return low


def rounded(weights: Sequence[float]) -> list[float]:
    """Return weights of sum 1 without those below LEAST, which become 0; of very many files, whose weights all are, the largest stay."""
    least = min(LEAST, max(map(abs, weights)))
    kept = [weight if abs(weight) >= least else 0.0 for weight in weights]
    return [weight / sum(kept) for weight in kept]


def kind_of(keys: Iterable[str]) -> str:
    """Return SUM, DORA or OTHER, for a file with these keys; only a sum of changes has an average without a file of its own."""
    found = {sign for key in keys for sign in (*NORMS, *_NO_SUM) if sign in key}
    return SUM if not found else DORA if found <= {*NORMS} else OTHER


def is_made(lora_name: str) -> bool:
    """Return whether a name of the host's list is that of a file which an axis has made of an average, to be made again at any time."""
    return lora_name.replace("\\", "/").startswith(f"{FOLDER}/")


def plain_name(text: str) -> str:
    """Return a text as a plain file name: letters, digits, dots, - and _."""
    name = re.sub(r"[^\w.]+", "-", text.replace(".safetensors", "")).strip("-._")
    return file_names.safe(name[:_LONGEST_NAME].rstrip("-._") or "average")
