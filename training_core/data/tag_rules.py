"""Parse the rules about tags that users write in Caption Edit: replace, merge and lists (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate

from .. import lists
from ..errors import AthanorError, quoted
from ..text_files import lines
from .tags import key


@dataclass(frozen=True, slots=True)
class Replace:
    """A rule `old -> new` for whole tags; `old` may have * for any text, and an empty `new` removes the tag."""

    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}".rstrip()


@dataclass(frozen=True, slots=True)
class Merge:
    """A rule `tag1 + tag2 -> phrase`: where all tags are present, the phrase takes their place."""

    tags: tuple[str, ...]
    phrase: str

    def __str__(self) -> str:
        return f"{' + '.join(self.tags)} -> {self.phrase}"


def parse_replace(text: str) -> list[Replace]:
    """Return the replace rules in a text, one per line; blank lines are skipped.

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
    """Return the merge rules in a text, one per line; blank lines are skipped.

    The '+' needs a space on both sides, as +_+ is a tag.

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


def parse_list(text: str, field: str) -> list[str]:
    """Return the tags in a text, separated by commas or line breaks, each once; "quotes" protect a comma.

    Raises:
        AthanorError: a quote is not closed; names `field`.
    """
    tags: dict[str, str] = {}
    for tag in lists.parts(text, field):
        tags.setdefault(key(tag), tag)
    return list(tags.values())


def pattern(tag: str, wildcards: str = "*") -> re.Pattern[str]:
    """Return a regular expression for `fullmatch` on the keys of tags.

    Args:
        wildcards: which of * (any text) and ? (one character) are wildcards; the others stand for themselves.
    """
    letters = {"[": "[[]"} | {sign: f"[{sign}]" for sign in "*?" if sign not in wildcards}
    # fnmatch's expressions take linear time, where .* for each star would try all ways to divide a long tag between them.
    return re.compile(translate("".join(letters.get(c, c) for c in key(tag))))


def _arrows(field: str, form: str, text: str) -> list[tuple[int, str, str]]:
    """Return (line number, left side, right side) of every rule; ` -> ` with spaces wins over tags such as ->_<-.

    Raises:
        AthanorError: a line has no '->' or nothing before it; names `field`, the line and the `form` of a rule.
    """
    result = []
    for number, line in enumerate(lines(text), 1):
        if not line.strip():
            continue
        padded = f" {line.strip()} "
        left, arrow, right = padded.partition(" -> ") if " -> " in padded else padded.partition("->")
        if not arrow:
            raise AthanorError(f"{field}: line {number} {quoted(line.strip())} has no '->'; write '{form}'.")
        if not left.strip():
            raise AthanorError(f"{field}: line {number} has nothing before '->'; write '{form}'.")
        result.append((number, left.strip(), right.strip()))
    return result
