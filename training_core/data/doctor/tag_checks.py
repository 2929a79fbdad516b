"""Check captions' tags: misspelt, contradicting, repeated, in all captions or in nearly all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...errors import quoted
from ...wording import first_few, plural
from ..dataset import Dataset
from .exclusive import contradictions
from .finding import Finding, names, training
from .grouping import Tick
from .spelling import Neighbours
from .texts import is_list, normal, normal_tags, words
from .vocabulary import COMMON, STOP

ENOUGH = 10
"""Captions from which on 'in nearly all' means something."""

FREQUENT = 3
"""Captions that must have a tag before its spelling counts as the right one."""


LONGEST = 100
"""Letters of a tag whose spelling is looked at; a longer one is no tag."""


def tag_lists(dataset: Dataset, texts: Sequence[str]) -> dict[int, list[str]]:
    """Return picture -> `normal_tags`, of training pictures whose caption is a list of tags and not a sentence."""
    tags_by_picture = {
        i: normal_tags(texts[i], dataset.subsets[dataset.pictures[i].subset].caption_separator)
        for i in training(dataset)
    }
    return {i: tags for i, tags in tags_by_picture.items() if is_list(tags)}


def mostly_tags(dataset: Dataset, texts: Sequence[str], lists: dict[int, list[str]]) -> bool:
    """Whether more than half of the captions are lists of tags, so that comparing their tags means something."""
    return 2 * len(lists) > sum(bool(texts[i]) for i in training(dataset))


def most_frequent(
    lists: dict[int, list[str]], texts: Sequence[str], has_tags: bool, most: int = 25
) -> list[tuple[str, int]]:
    """Return the most frequent tags (words if captions are sentences), each with its number of captions."""
    if has_tags:
        counted = Counter(tag for tags in lists.values() for tag in set(tags))
    else:
        counted = Counter(word for text in texts for word in set(words(text)) - STOP if word.isascii() or len(word) > 1)
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most]


def check(
    dataset: Dataset, lists: dict[int, list[str]], trigger: str, has_tags: bool, tick: Tick | None = None
) -> list[Finding]:
    """Return the findings about tags.

    Args:
        lists: from `tag_lists`.
        has_tags: from `mostly_tags`; if False, captions are checked one by one and not compared with each other.
        tick: called with (captions whose spelling was checked, of how many); an exception that it raises ends the checks.
    """
    single = [*_contradictions(dataset, lists), *_repeated(dataset, lists)]
    if not has_tags:
        return single
    counts = Counter(tag for tags in lists.values() for tag in set(tags))
    return [
        *single,
        *_typos(dataset, lists, counts, tick),
        *_nearly_all(dataset, lists, counts, normal(trigger)),
        *_all(lists, counts, normal(trigger)),
    ]


def _contradictions(dataset: Dataset, lists: dict[int, list[str]]) -> list[Finding]:
    first = {i: next(contradictions(set(tags)), None) for i, tags in lists.items()}
    conflicts = {i: tags for i, tags in first.items() if tags}
    if not conflicts:
        return []
    shown = first_few([f"{dataset.pictures[i].name} ({' + '.join(tags)})" for i, tags in conflicts.items()])
    verb = "contradicts itself" if len(conflicts) == 1 else "contradict themselves"
    return [
        Finding(
            level="warning",
            kind="contradictions",
            text=f"{plural(len(conflicts), 'caption')} {verb}: {shown}.",
            pictures=tuple(conflicts),
        )
    ]


def typo_of(tag: str, frequent: Neighbours, known: Counter[str]) -> str | None:
    """Return the frequent tag that `tag` is probably a misspelling of, or None.

    It must differ by a letter or two (difflib's ratio of 0.85), not just by a number or a plural s, and have a word that
    is in no other caption and not in COMMON.
    """
    # Short tags have too many neighbours: hat, cat, bat.
    if not 5 <= len(tag) <= LONGEST or all(known[word] > 1 or word in COMMON or word.isdigit() for word in words(tag)):
        return None
    for near in frequent.of(tag):
        digits = ["".join(filter(str.isdigit, t)) for t in (tag, near)]
        if digits[0] == digits[1] and tag.rstrip("s") != near.rstrip("s"):
            return near
    return None


def _typos(dataset: Dataset, lists: dict[int, list[str]], counts: Counter[str], tick: Tick | None) -> list[Finding]:
    frequent = Neighbours([tag for tag, number in counts.items() if number >= FREQUENT and len(tag) <= LONGEST])
    known: Counter[str] = Counter(word for tags in lists.values() for word in {w for tag in tags for w in words(tag)})
    typos: list[tuple[int, str, str]] = []
    for number, (i, tags) in enumerate(lists.items(), 1):
        rare = (tag for tag in dict.fromkeys(tags) if counts[tag] == 1)
        typos += [(i, tag, near) for tag in rare if (near := typo_of(tag, frequent, known))]
        if tick and (number % 100 == 0 or number == len(lists)):
            tick(number, len(lists))
    if not typos:
        return []
    shown = first_few(
        [f"{quoted(tag)} in {dataset.pictures[i].name}, perhaps {quoted(near)}" for i, tag, near in typos]
    )
    text = f"{plural(len(typos), 'tag')} in only one caption may be misspelt: {shown}."
    return [
        Finding(level="warning", kind="misspelt tags", text=text, pictures=tuple(dict.fromkeys(i for i, _, _ in typos)))
    ]


def _repeated(dataset: Dataset, lists: dict[int, list[str]]) -> list[Finding]:
    twice = [i for i, tags in lists.items() if len(set(tags)) < len(tags)]
    if not twice:
        return []
    text = f"{plural(len(twice), 'caption')} with the same tag twice: {names(dataset, twice)}."
    return [Finding(level="hint", kind="repeated tags", text=text, pictures=tuple(twice))]


def _nearly_all(dataset: Dataset, lists: dict[int, list[str]], counts: Counter[str], trigger: str) -> list[Finding]:
    total = len(lists)
    near = [(tag, n) for tag, n in counts.most_common() if 0.85 * total <= n < total and tag != trigger]
    if total < ENOUGH or not near:
        return []
    lacking = {tag: [i for i, tags in lists.items() if tag not in tags] for tag, _ in near}
    shown = first_few([f"{quoted(tag)} in {n} of {total}, not in {names(dataset, lacking[tag])}" for tag, n in near])
    pronoun = "it" if len(near) == 1 else "they"
    text = f"{plural(len(near), 'tag')} in nearly all captions; check whether {pronoun} should be in the others too: {shown}."
    return [
        Finding(
            level="hint",
            kind="tags in nearly all",
            text=text,
            pictures=tuple(dict.fromkeys(i for tag, _ in near for i in lacking[tag])),
        )
    ]


def _all(lists: dict[int, list[str]], counts: Counter[str], trigger: str) -> list[Finding]:
    everywhere = [tag for tag, n in counts.items() if n == len(lists) and tag != trigger]
    if len(lists) < 5 or not everywhere:
        return []
    shown = first_few([f"{quoted(tag)}" for tag in everywhere])
    verb = (
        "is in every caption and acts as a trigger"
        if len(everywhere) == 1
        else "are in every caption and act as triggers"
    )
    text = (
        f"{shown} {verb}: the LoRA associates what all pictures share with {'it' if len(everywhere) == 1 else 'them'}."
    )
    return [Finding(level="hint", kind="tags in all", text=text)]
