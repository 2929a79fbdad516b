"""Several taggers' captions of the same pictures become one (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..errors import AthanorError
from ..settings import MergeTagsSettings
from .tags import key, split


def merge_tags(captions: Mapping[str, Sequence[str]], settings: MergeTagsSettings) -> tuple[list[str], str]:
    """One caption per picture, and a report of how far the taggers agree.

    Tags are the same whatever their upper and lower case, underscores and escaped brackets; the spelling of the
    first tagger that has one is kept. Tags of the first tagger come first, then the new ones of the next.

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
    merged, agreed, total, kept = [], 0, 0, 0
    proposed, only = Counter(), Counter()
    for row in zip(*captions.values(), strict=True):
        spelling, voters = _votes(row, settings.separator)
        chosen = [spelling[k] for k, who in voters.items() if len(who) >= least]
        merged.append(glue.join(chosen))
        kept += len(chosen)
        total += len(voters)
        agreed += sum(len(who) == len(names) for who in voters.values())
        proposed.update(names[i] for who in voters.values() for i in who)
        only.update(names[who[0]] for who in voters.values() if len(who) == 1)
    lines = [
        f"{len(merged)} pictures, {len(names)} tagger{'s' * (len(names) > 1)}: {kept} of {total} tags kept.",
        f"All agree on {agreed} tags{f' ({100 * agreed / total:.1f} %)' if total else ''}.",
        *(f"{name}: {proposed[name]} tags, {only[name]} of them only its own." for name in names),
    ]
    return merged, "\n".join(lines)


def _votes(row: Sequence[str], separator: str) -> tuple[dict[str, str], dict[str, list[int]]]:
    """Key of each tag -> its first spelling, and -> the taggers that have it, in order of appearance."""
    spelling: dict[str, str] = {}
    voters: dict[str, list[int]] = {}
    for number, caption in enumerate(row):
        for tag in (tag for line in caption.split("\n") for tag in split(line, separator)):
            spelling.setdefault(key(tag), tag)
            who = voters.setdefault(key(tag), [])
            if number not in who:  # a tagger has one vote
                who.append(number)
    return spelling, voters
