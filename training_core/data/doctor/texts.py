"""The text that a picture is trained on, without chance, and the tags in it."""

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
    """Stands in for chance: nothing is dropped or shuffled, and of wildcards the longest choice is taken."""

    def random(self) -> float:
        return 1.0

    def shuffle(self, x: MutableSequence[Any]) -> None:
        pass

    def choice(self, seq: Sequence[Any]) -> Any:
        return max(seq, key=len)


def text_of(caption: str, settings: DatasetSettings) -> str:
    """What a caption becomes in training: with prefix and suffix, unshuffled, nothing dropped; '' if nothing is left."""
    calm = {"caption_dropout_rate": 0.0, "caption_dropout_every_n_epochs": 0, "caption_tag_dropout_rate": 0.0}
    plain = settings.model_copy(update={**calm, "shuffle_caption": False, "token_warmup_step": 0.0})
    return captions.final_text(caption, plain, _Longest(), 1, 0, 1).strip()


def texts(dataset: Dataset) -> list[str]:
    """The texts of all pictures."""
    return [text_of(p.caption, dataset.subsets[p.subset]) for p in dataset.pictures]


def normal(tag: str) -> str:
    """A tag as it is compared: lower case, underscores as spaces, brackets without backslash, emphasis left out."""
    tag = re.sub(r"\\([()])", r"\1", tag.strip().lower().replace("_", " "))
    if emphasis := re.fullmatch(r"\((.+):[\d.]+\)", tag):
        tag = emphasis[1]
    return " ".join(tag.split())


def tags_of(text: str, separator: str = ",") -> list[str]:
    """The tags of a text, normal, in their order; those that stand twice are there twice."""
    return [tag for tag in map(normal, text.split(separator or ",")) if tag]


def is_list(tags: Sequence[str]) -> bool:
    """Whether a caption's parts are tags and no sentence: several, short on average, none long."""
    # Chinese and Japanese have no spaces: two characters are about a word.
    lengths = [len(tag.split()) + len(_CJK_SIGN.findall(tag)) / 2 for tag in tags]
    return len(tags) > 1 and sum(lengths) / len(lengths) <= 3 and max(lengths) <= 9


def words(text: str) -> list[str]:
    """Words of a text, lower case; every Chinese, Japanese or Korean character is one."""
    return [word.lower() for word in _WORD.findall(text)]


def estimated_tokens(text: str) -> int:
    """About how many CLIP tokens a text has, when no CLIP is there to count them.

    From the host's CLIP tokenizer: 1.0 to 1.5 per word, about 2.4 per Chinese or Japanese character, 1 per other sign.
    """
    kinds = [match.lastgroup for match in _PIECE.finditer(text)]
    return round(1.2 * kinds.count("word") + 2.4 * kinds.count("cjk") + kinds.count(None))


def has_trigger(text: str, trigger: str) -> bool:
    """Whether a text has the trigger as a whole word, whatever its case."""
    escaped = re.escape(trigger.strip().lower())
    return re.search(rf"(?<![a-z0-9_]){escaped}(?![a-z0-9_])", text.lower()) is not None
