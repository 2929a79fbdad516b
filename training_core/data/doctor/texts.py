"""The text that a picture is trained on, as far as it does not depend on chance, and its tags and words."""

from __future__ import annotations

import re
from collections.abc import MutableSequence, Sequence
from typing import Any

from ...settings import DatasetSettings
from .. import captions
from ..dataset import Dataset

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_CJK_SIGN = re.compile(f"[{_CJK}]")
_WORD = re.compile(rf"[{_CJK}]|[^\W\d_{_CJK}]+(?:['’][^\W\d_]+)?|\d+")
_PIECE = re.compile(rf"(?P<cjk>[{_CJK}])|(?P<word>[^\W\d_{_CJK}]+)|[^\s]")


class _Longest:
    """Replaces the random generator of captions: no dropout, no shuffling, and of choices always the longest."""

    def random(self) -> float:
        return 1.0

    def shuffle(self, x: MutableSequence[Any]) -> None:
        pass

    def choice(self, seq: Sequence[Any]) -> Any:
        return max(seq, key=len)


def training_text(caption: str, settings: DatasetSettings) -> str:
    """Return what a caption becomes in training: with prefix and suffix, but nothing shuffled or dropped."""
    return captions.final_text(caption, captions.without_chance(settings), _Longest(), 1, 0, 1).strip()


def training_texts(dataset: Dataset) -> list[str]:
    """Return `training_text` of all pictures, in their order."""
    return [training_text(p.caption, dataset.subsets[p.subset]) for p in dataset.pictures]


def normal(tag: str) -> str:
    """Return a tag as it is compared: lower case, spaces for underscores, brackets without backslash, no emphasis (a:1.2)."""
    tag = re.sub(r"\\([()])", r"\1", tag.strip().lower().replace("_", " "))
    if emphasis := re.fullmatch(r"\((.+):[\d.]+\)", tag):
        tag = emphasis[1]
    return " ".join(tag.split())


def normal_tags(text: str, separator: str = ",") -> list[str]:
    """Return the tags of a text as `normal` gives them, in their order, repeated ones too."""
    return [tag for tag in map(normal, text.split(separator or ",")) if tag]


def is_list(tags: Sequence[str]) -> bool:
    """Whether a caption's parts are tags and not a sentence: at least two, of 3 words on average and 9 at most."""
    # Chinese and Japanese have no spaces: two characters are about a word.
    lengths = [len(tag.split()) + len(_CJK_SIGN.findall(tag)) / 2 for tag in tags]
    return len(tags) > 1 and sum(lengths) / len(lengths) <= 3 and max(lengths) <= 9


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; every Chinese, Japanese or Korean character is a word."""
    return [word.lower() for word in _WORD.findall(text)]


def estimated_tokens(text: str) -> int:
    """Estimate how many CLIP tokens a text has, for when no CLIP is connected.

    Measured with ComfyUI's CLIP tokenizer: 1.0 to 1.5 per word, about 2.4 per Chinese or Japanese character, 1 per other sign.
    """
    kinds = [match.lastgroup for match in _PIECE.finditer(text)]
    return round(1.2 * kinds.count("word") + 2.4 * kinds.count("cjk") + kinds.count(None))


def has_trigger(text: str, trigger: str) -> bool:
    """Whether a text contains the trigger as a whole word, in upper or lower case."""
    escaped = re.escape(trigger.strip().lower())
    return re.search(rf"(?<![a-z0-9_]){escaped}(?![a-z0-9_])", text.lower()) is not None
