"""Recognise a model that was distilled to draw in a few steps: what its family, its sampling and its file's name tell."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise

from .record import Family

_WORDS = frozenset({"schnell", "turbo", "lightning", "lcm", "hyper", "dmd", "tcd"})
"""Ways to distil, as names of files have them; `dmd2` is read as dmd and 2."""
_UNDONE = ("dedistill", "undistill", "openflux", "libreflux")
"""Parts of the names of models that have been trained back to many steps."""
_SAMPLINGS = frozenset({"LCM", "ModelSamplingDiscreteDistilled"})
"""Classes of ComfyUI's that Model Sampling Discrete patches in for distilled models alone."""


def few_steps(family: Family | None, file: str, samplings: Collection[str]) -> str:
    """Return how a model shows that it was distilled to few steps, in words; '' if nothing says so.

    Args:
        family: of the model; None: it is not known.
        file: name of its checkpoint; '' if it is not known.
        samplings: names of the classes of its sampling.
    """
    if any(part in file.lower().replace("-", "").replace("_", "") for part in _UNDONE):
        return ""
    if _SAMPLINGS & set(samplings):
        return "it is sampled as LCM"
    if _named(family, words(file.rpartition(".")[0] or file)):
        return f"its file is called {file}"
    return f"it is {family.title}" if family and family.few_steps else ""


def _named(family: Family | None, parts: list[str]) -> bool:
    """Return whether the words of a file's name say so; those of one family alone only without "base" beside them."""
    for word, following in pairwise([*parts, ""]):
        if word in _WORDS and not (word == "hyper" and following.startswith("real")):
            return True
        if family and word in family.few_step_names and "base" not in parts:
            return True
    return False


def words(name: str) -> list[str]:
    """Return the words of a file's name in lower case: 'xlV50_v50LightningBakedvae' has xl, lightning and bakedvae."""
    without_versions = re.sub(r"[vV](?=\d)", " ", name)  # LCMv1 is LCM
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", without_versions)]
