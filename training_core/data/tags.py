"""What a tag is: cut captions into tags, put them together again, compare and spell tags (pure)."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..settings import DatasetSettings

_EMOTICONS = frozenset({
    "(o)_(o)", "<o>_<o>", "<|>_<|>", "|_|", "||_||", "0_0", "o_o", "0_o", "o_0", "3_3", "6_9", "u_u", "x_x", "t_t",
    "q_q", "n_n", "d_d", "e_e", ">_o", "o_<", "+_-", ">_<", "<_<", ">_>", "^_^", "-_-", "=_=", "+_+",
    "@_@", ";_;", "._.", "*_*", "$_$", "!_!", "?_?", "~_~", "'_'", "`_'", ",_,", ":_:",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Separators:
    """How the captions of a subset are cut: between tags, between fixed and shuffled parts, within a group."""

    tag: str = ","
    keep: str = ""
    secondary: str = ""

    @classmethod
    def of(cls, settings: DatasetSettings) -> Separators:
        """Those of a subset."""
        return cls(settings.caption_separator, settings.keep_tokens_separator, settings.secondary_separator)


@dataclass(slots=True)
class Part:
    """The tags between two keep_tokens_separators; `lead` and `tail` are the spaces and separators around them."""

    lead: str
    tags: list[str]
    tail: str


def split(text: str, separator: str) -> list[str]:
    """The tags of a text, trimmed, without empty ones."""
    pieces = text.split(separator) if separator else [text]
    return [piece.strip() for piece in pieces if piece.strip()]


def parse(line: str, separators: Separators) -> list[Part]:
    """The parts of one caption line; a group of tags with the secondary separator counts as one tag."""
    parts = []
    blank = rf"(?:\s|{re.escape(separators.tag)})" if separators.tag else r"\s"
    for text in line.split(separators.keep) if separators.keep else [line]:
        rest = re.sub(rf"\A{blank}*", "", text, count=1)
        lead = text[: len(text) - len(rest)]
        # A loop, not one more regex: a search for blanks at the end takes quadratic time in long captions.
        end = len(rest)
        while end and (rest[end - 1].isspace() or (separators.tag and rest.endswith(separators.tag, 0, end))):
            end -= 1 if rest[end - 1].isspace() else len(separators.tag)
        parts.append(Part(lead, split(rest, separators.tag), rest[end:]))
    return parts


def join(parts: Sequence[Part], separators: Separators) -> str:
    """A caption line from its parts; empty when no tag is left."""
    if not any(part.tags for part in parts):
        return ""
    glue = separators.tag if not separators.tag or separators.tag[-1].isspace() else f"{separators.tag} "
    texts = []
    for i, part in enumerate(parts):
        lead, tail = part.lead if i else "", part.tail if i + 1 < len(parts) else ""
        if not part.tags:  # no commas around nothing
            lead, tail = (" " if lead or tail else ""), ""
        texts.append(lead + glue.join(part.tags) + tail)
    return separators.keep.join(texts).strip()


def tags_of(caption: str, separators: Separators) -> list[str]:
    """All tags of a caption, over lines and parts, groups taken apart."""
    tags = (tag for line in caption.split("\n") for part in parse(line, separators) for tag in part.tags)
    return [member for tag in tags for member in members(tag, separators)]


def members(tag: str, separators: Separators) -> list[str]:
    """The tags of a group that the secondary separator joins; a plain tag is its only member."""
    return split(tag, separators.secondary) if separators.secondary else [tag]


@lru_cache(maxsize=65536)
def key(tag: str) -> str:
    """What two spellings of one tag have in common: lower case, spaces for underscores, brackets without '\\'."""
    return " ".join(plain(tag).replace("_", " ").split())


def plain(text: str) -> str:
    """Lower case, brackets without '\\'; underscores stay."""
    return re.sub(r"\\([()])", r"\1", text).casefold()


def is_emoticon(word: str) -> bool:
    """Whether underscores in a word are a mouth, as in ^_^ and o_o; a full stop after it does not matter."""
    word = plain(word)
    return word in _EMOTICONS or word.rstrip(".!?") in _EMOTICONS


def spaced(tag: str, keep: Iterable[str] = ()) -> str:
    """Underscores written as spaces, but for emoticons and the words in `keep` (as `plain` has them)."""
    if "_" not in tag:
        return tag
    words = (
        word if is_emoticon(word) or plain(word) in keep or not word.strip("_") else re.sub("_+", " ", word)
        for word in re.split(r"(\s+)", tag)
    )
    return "".join(words).strip()


def escaped(tag: str) -> str:
    r"""Brackets written as \( and \), not twice."""
    return re.sub(r"(?<!\\)([()])", r"\\\1", tag)


def count(captions: Iterable[Sequence[str]]) -> Counter[str]:
    """In how many captions (given as tags) each tag is; spellings are counted apart, so that they can be seen."""
    counter: Counter[str] = Counter()
    for tags in captions:
        counter.update(dict.fromkeys(tags, 1))
    return counter


def table(counter: Mapping[str, int], pictures: int, most: int = 1000) -> str:
    """Count, per cent of the pictures, tag: one line each, most frequent first, then by name."""
    rows = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{n:6d}  {100 * n / pictures:5.1f} %  {tag}" for tag, n in rows[:most]]
    if len(rows) > most:
        lines.append(f"... and {len(rows) - most} more tags")
    return "\n".join(lines) or "no tags"


def nearest(tag: str, counter: Mapping[str, int], among: int = 3000) -> str | None:
    """The most similar tag of the `among` most frequent ones, or None."""
    known: dict[str, str] = {}
    for other in sorted(counter, key=lambda t: (-counter[t], t))[:among]:
        known.setdefault(key(other), other)
    found = difflib.get_close_matches(key(tag).replace("*", "").replace("?", "").strip(), known, 1, 0.5)
    return known[found[0]] if found else None
