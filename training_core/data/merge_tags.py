"""Merge Tags: merge the captions that several taggers gave the same pictures (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..errors import AthanorError
from ..settings import MergeTagsSettings
from ..wording import plural
from .tags import key, split


def merge_tags(captions: Mapping[str, Sequence[str]], settings: MergeTagsSettings) -> tuple[list[str], str]:
    """Return one caption per picture, and a report of how far the taggers agree.

    Tags that differ only in case, underscores or escaped brackets are the same; the spelling of the first tagger that has
    one is used. Tags of the first tagger come first, then the new ones of the next.

    Args:
        captions: the name of each tagger's input -> its captions, one per picture, in the same order.

    Raises:
        AthanorError: the lists have different lengths, or more votes are asked for than there are taggers.
    """
    names = list(captions)
    for name in names[1:]:
        if len(captions[name]) != len(captions[names[0]]):
            raise AthanorError(
                f"{name} has {len(captions[name])} captions but {names[0]} has {len(captions[names[0]])}; give every "
                "tagger the same pictures in the same order."
            )
    if settings.mode == "vote" and settings.min_votes > len(names):
        raise AthanorError(
            f"min_votes is {settings.min_votes} but there are only {len(names)} taggers; lower it or connect more captions."
        )
    least = {"union": 1, "intersection": len(names), "vote": settings.min_votes}[settings.mode]
    glue = settings.separator if settings.separator[-1:].isspace() else f"{settings.separator} "
    merged, agreed, total, used = [], 0, 0, 0
    proposed, only = Counter(), Counter()
    for row in zip(*captions.values(), strict=True):
        spelling, voters = _votes(row, settings.separator)
        chosen = [spelling[k] for k, taggers in voters.items() if len(taggers) >= least]
        merged.append(glue.join(chosen))
        used += len(chosen)
        total += len(voters)
        agreed += sum(len(taggers) == len(names) for taggers in voters.values())
        proposed.update(names[i] for taggers in voters.values() for i in taggers)
        only.update(names[taggers[0]] for taggers in voters.values() if len(taggers) == 1)
    lines = [
        f"{len(merged)} pictures, {plural(len(names), 'tagger')}: {used} of {total} tags kept.",
        f"All agree on {agreed} tags{f' ({100 * agreed / total:.1f} %)' if total else ''}.",
        *(f"{name}: {proposed[name]} tags, {only[name]} of them from this tagger alone." for name in names),
    ]
    return merged, "\n".join(lines)


def _votes(row: Sequence[str], separator: str) -> tuple[dict[str, str], dict[str, list[int]]]:
    """Return two tables by tag key, in order of appearance: the tag's first spelling, and the numbers of its taggers."""
    spelling: dict[str, str] = {}
    voters: dict[str, list[int]] = {}
    for number, caption in enumerate(row):
        for tag in (tag for line in caption.split("\n") for tag in split(line, separator)):
            spelling.setdefault(key(tag), tag)
            taggers = voters.setdefault(key(tag), [])
            if number not in taggers:  # a tagger has one vote per tag
                taggers.append(number)
    return spelling, voters
