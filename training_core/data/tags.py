"""Split captions into tags and join them again; compare, spell and count tags (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..names import close_to
from ..settings import DatasetSettings

_EMOTICONS = frozenset({
    "(o)_(o)", "<o>_<o>", "<|>_<|>", "|_|", "||_||", "0_0", "o_o", "0_o", "o_0", "3_3", "6_9", "u_u", "x_x", "t_t",
    "q_q", "n_n", "d_d", "e_e", ">_o", "o_<", "+_-", ">_<", "<_<", ">_>", "^_^", "-_-", "=_=", "+_+",
    "@_@", ";_;", "._.", "*_*", "$_$", "!_!", "?_?", "~_~", "'_'", "`_'", ",_,", ":_:",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Separators:
    """The separators in the captions of a subset; '' for none."""

    tag: str = ","  # between tags
    keep: str = ""  # between fixed and shuffled parts (keep_tokens_separator)
    secondary: str = ""  # between the tags of a group that stays together

    @classmethod
    def of(cls, settings: DatasetSettings) -> Separators:
        """Return the separators of a subset's captions."""
        return cls(settings.caption_separator, settings.keep_tokens_separator, settings.secondary_separator)


@dataclass(slots=True)
class CaptionPart:
    """The tags of a caption between two keep_tokens_separators."""

    lead: str  # spaces and separators before the tags, kept so that joining restores the line
    tags: list[str]
    tail: str  # spaces and separators after them


def split(text: str, separator: str) -> list[str]:
    """Return the tags of a text, without spaces around them and without empty ones."""
    pieces = text.split(separator) if separator else [text]
    return [piece.strip() for piece in pieces if piece.strip()]


def parse(line: str, separators: Separators) -> list[CaptionPart]:
    """Return the parts of one caption line; tags joined by the secondary separator count as one tag."""
    parts = []
    blank = rf"(?:\s|{re.escape(separators.tag)})" if separators.tag else r"\s"
    for text in line.split(separators.keep) if separators.keep else [line]:
        rest = re.sub(rf"\A{blank}*", "", text, count=1)
        lead = text[: len(text) - len(rest)]
        # A loop, not one more regex: a search for blanks at the end takes quadratic time in long captions.
        end = len(rest)
        while end and (rest[end - 1].isspace() or (separators.tag and rest.endswith(separators.tag, 0, end))):
            end -= 1 if rest[end - 1].isspace() else len(separators.tag)
        parts.append(CaptionPart(lead, split(rest, separators.tag), rest[end:]))
    return parts


def join(parts: Sequence[CaptionPart], separators: Separators) -> str:
    """Return the caption line that these parts make; '' if none of them has a tag."""
    if not any(part.tags for part in parts):
        return ""
    glue = separators.tag if not separators.tag or separators.tag[-1].isspace() else f"{separators.tag} "
    texts = []
    for i, part in enumerate(parts):
        lead, tail = part.lead if i else "", part.tail if i + 1 < len(parts) else ""
        if not part.tags:  # its commas separate nothing now
            lead, tail = (" " if lead or tail else ""), ""
        texts.append(lead + glue.join(part.tags) + tail)
    return separators.keep.join(texts).strip()


def tags_of(caption: str, separators: Separators) -> list[str]:
    """Return all tags of a caption: of all lines and parts, and those of groups one by one."""
    tags = (tag for line in caption.split("\n") for part in parse(line, separators) for tag in part.tags)
    return [member for tag in tags for member in members(tag, separators)]


def members(tag: str, separators: Separators) -> list[str]:
    """Return the tags that the secondary separator joins to a group; a tag without it is returned alone."""
    return split(tag, separators.secondary) if separators.secondary else [tag]


@lru_cache(maxsize=65536)
def key(tag: str) -> str:
    """Return the form in which tags are compared: lower case, spaces for underscores, brackets without backslash."""
    return " ".join(plain(tag).replace("_", " ").split())


def plain(text: str) -> str:
    """Return the text in lower case and without backslashes before brackets; underscores stay."""
    return re.sub(r"\\([()])", r"\1", text).casefold()


def is_emoticon(word: str) -> bool:
    """Whether a word is an emoticon such as ^_^ or o_o, whose underscore must stay; . ! ? may follow it."""
    word = plain(word)
    return word in _EMOTICONS or word.rstrip(".!?") in _EMOTICONS


def spaced(tag: str, keep: Iterable[str] = ()) -> str:
    """Return the tag with spaces for underscores, except in emoticons and in the words in `keep` (in their `plain` form)."""
    if "_" not in tag:
        return tag
    words = (
        word if is_emoticon(word) or plain(word) in keep or not word.strip("_") else re.sub("_+", " ", word)
        for word in re.split(r"(\s+)", tag)
    )
    return "".join(words).strip()


def escaped(tag: str) -> str:
    r"""Return the tag with its brackets written as \( and \); those that already are stay."""
    return re.sub(r"(?<!\\)([()])", r"\\\1", tag)


def count(captions: Iterable[Sequence[str]]) -> Counter[str]:
    """Return in how many captions (lists of tags) each tag is; every spelling counts by itself, so that the table shows all."""
    counter: Counter[str] = Counter()
    for tags in captions:
        counter.update(dict.fromkeys(tags, 1))
    return counter


def table(counter: Mapping[str, int], pictures: int, most: int = 1000) -> str:
    """Return the `most` most frequent tags as text, a line each: count, per cent of the pictures, tag."""
    rows = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{n:6d}  {100 * n / pictures:5.1f} %  {tag}" for tag, n in rows[:most]]
    if len(rows) > most:
        lines.append(f"... and {len(rows) - most} more tags")
    return "\n".join(lines) or "no tags"


def nearest(tag: str, counter: Mapping[str, int], among: int = 3000) -> str | None:
    """Return the most similar of the `among` most frequent tags; None if none is similar (difflib's ratio below 0.5)."""
    known: dict[str, str] = {}
    for other in sorted(counter, key=lambda t: (-counter[t], t))[:among]:
        known.setdefault(key(other), other)
    matches = close_to(key(tag).replace("*", "").replace("?", "").strip(), known, 1, 0.5)
    return known[matches[0]] if matches else None
