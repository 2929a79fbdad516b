"""Rules that users write about tags: replace, merge and lists (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import AthanorError
from .tags import key


@dataclass(frozen=True, slots=True)
class Replace:
    """`old -> new`: a whole tag, with wildcards in `old`; an empty `new` removes it."""

    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}".rstrip()


@dataclass(frozen=True, slots=True)
class Merge:
    """`tag1 + tag2 -> phrase`: where all tags are present, the phrase takes their place."""

    tags: tuple[str, ...]
    phrase: str

    def __str__(self) -> str:
        return f"{' + '.join(self.tags)} -> {self.phrase}"


def parse_replace(text: str) -> list[Replace]:
    """One rule per line; blank lines are skipped.

    Raises:
        AthanorError: a line has no '->', no old tag, or a wildcard in the new text.
    """
    rules = []
    for number, old, new in _arrows("replace", "old -> new", text):
        if "*" in new and "*" in old:
            raise AthanorError(
                f"replace: line {number} has a * in the new text, which cannot be filled in; write the new tag in full."
            )
        rules.append(Replace(old, new))
    return rules


def parse_merge(text: str) -> list[Merge]:
    """One rule per line; blank lines are skipped. The '+' has a space on both sides: +_+ is a tag.

    Raises:
        AthanorError: a line has no '->', fewer than two different tags, or no phrase.
    """
    rules = []
    for number, left, phrase in _arrows("merge", "tag1 + tag2 -> phrase", text):
        tags = tuple(tag.strip() for tag in re.split(r"\s\+\s", left) if tag.strip())
        if len({key(tag) for tag in tags}) < 2:
            raise AthanorError(
                f"merge: line {number} does not name two different tags; write 'tag1 + tag2 -> phrase', with spaces "
                "around the +."
            )
        if not phrase:
            raise AthanorError(f"merge: line {number} has nothing after '->'; write the phrase, or use remove.")
        rules.append(Merge(tags, phrase))
    return rules


def parse_list(text: str) -> list[str]:
    """Tags separated by commas or lines, each once."""
    found: dict[str, str] = {}
    for tag in re.split(r"[,\n]", text):
        if tag.strip():
            found.setdefault(key(tag), tag.strip())
    return list(found.values())


def pattern(tag: str, wildcards: str = "*") -> re.Pattern[str]:
    """For `fullmatch` on the keys of tags; `wildcards` are those of * and ? that are no plain text."""
    meaning = {"*": ".*", "?": "."}
    # One .* for a row of stars: more of them only take time.
    text = re.sub(r"\*+", "*", key(tag)) if "*" in wildcards else key(tag)
    return re.compile("".join(meaning[c] if c in wildcards else re.escape(c) for c in text), re.DOTALL)


def _arrows(field: str, form: str, text: str) -> list[tuple[int, str, str]]:
    """Line number, left and right side of every rule. An arrow with spaces wins, for tags such as ->_<-."""
    result = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        padded = f" {line.strip()} "
        left, arrow, right = padded.partition(" -> ") if " -> " in padded else padded.partition("->")
        if not arrow:
            raise AthanorError(f"{field}: line {number} '{line.strip()[:60]}' has no '->'; write '{form}'.")
        if not left.strip():
            raise AthanorError(f"{field}: line {number} has nothing before '->'; write '{form}'.")
        result.append((number, left.strip(), right.strip()))
    return result
