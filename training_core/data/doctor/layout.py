"""Check how pictures are distributed over buckets, folders and subsets, and whether there are enough."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ...settings import BucketSettings
from ...wording import first_few, plural
from ..dataset import Dataset
from ..plan import Buckets, sort_into_buckets
from .finding import Finding, names, training

FEW_PICTURES = 10
"""Fewer different pictures than this are a finding."""

UNBALANCED = 1.5
"""How many times as often as another a folder may be seen per epoch before that is a finding."""


@dataclass(frozen=True, slots=True)
class Group:
    """The pictures of a sub-folder, or those directly in a subset's folder."""

    name: str
    pictures: tuple[int, ...]
    seen: int  # per epoch, with repeats
    is_reg: bool


def groups_of(dataset: Dataset) -> list[Group]:
    """Return the groups of all subsets, by the first folder in the pictures' names, in order of appearance."""
    members: dict[tuple[int, str], list[int]] = defaultdict(list)
    for index, picture in enumerate(dataset.pictures):
        members[picture.subset, picture.name.split("/")[0] if "/" in picture.name else ""].append(index)
    repeats, result = dataset.repeats, []
    several_subsets = len({subset for subset, _ in members}) > 1
    for (subset, part), pictures in members.items():
        folder = dataset.subsets[subset].folder.strip("/\\").replace("\\", "/").split("/")[-1] or "pictures"
        name = f"{folder}/{part}" if part and several_subsets else part or folder
        is_reg = dataset.subsets[subset].is_reg
        result.append(Group(name, tuple(pictures), sum(repeats[i] for i in pictures), is_reg))
    return result


def buckets_at(dataset: Dataset, resolution: int, batch_size: int) -> Buckets:
    """Return the buckets that the dataset would have at this resolution (side of a square, in pixels)."""
    settings = BucketSettings(
        width=resolution,
        height=resolution,
        min_bucket_reso=min(256, resolution),
        max_bucket_reso=2 * resolution,
        batch_size=batch_size,
    )
    return sort_into_buckets(dataset, settings)


def check(dataset: Dataset, groups: list[Group], buckets: Buckets) -> list[Finding]:
    """Return the findings about distribution.

    Args:
        groups: from `groups_of`.
        buckets: from `buckets_at`.
    """
    return [*_both(dataset), *_sizes(dataset, buckets), *_small_buckets(buckets), *_balance(groups), *_few(dataset)]


def _both(dataset: Dataset) -> list[Finding]:
    """Find pictures that are both for training and for regularization: they would be learnt and kept unchanged at once."""
    trained = set(training(dataset))
    contents = {dataset.pictures[i].content for i in trained}
    reg = [i for i, p in enumerate(dataset.pictures) if i not in trained and p.content in contents]
    if not reg:
        return []
    twins = {dataset.pictures[i].content: i for i in trained}
    pairs = tuple((i, twins[dataset.pictures[i].content]) for i in reg)
    text = (
        f"{plural(len(reg), 'picture')} {'is' if len(reg) == 1 else 'are'} both a training and a regularization picture; "
        f"remove {'it' if len(reg) == 1 else 'them'} from one of the two: {names(dataset, reg)}."
    )
    return [
        Finding(
            level="error",
            kind="training and regularization",
            text=text,
            pictures=tuple(i for pair in pairs for i in pair),
            groups=pairs,
        )
    ]


def _sizes(dataset: Dataset, buckets: Buckets) -> list[Finding]:
    result, pictures, wanted = [], dataset.pictures, buckets.settings.width
    small = [e.picture for e in buckets.entries if e.placement.resized[0] > 2 * pictures[e.picture].size[0]]
    if small:
        small.sort(key=lambda i: pictures[i].size[0] * pictures[i].size[1])
        shown = first_few([f"{pictures[i].name} ({pictures[i].size[0]}x{pictures[i].size[1]})" for i in small])
        text = f"{plural(len(small), 'picture')} would be enlarged more than twice for {wanted} pixels: {shown}."
        result.append(Finding(level="warning", kind="small pictures", text=text, pictures=tuple(small)))
    narrow = [i for i, p in enumerate(pictures) if max(p.size) > 2 * min(p.size)]
    if narrow:
        shown = first_few([f"{pictures[i].name} ({pictures[i].size[0]}x{pictures[i].size[1]})" for i in narrow])
        verb = "is" if len(narrow) == 1 else "are"
        text = f"{plural(len(narrow), 'picture')} {verb} longer than 1:2; crop or remove: {shown}."
        result.append(Finding(level="hint", kind="narrow pictures", text=text, pictures=tuple(narrow)))
    return result


def _small_buckets(buckets: Buckets) -> list[Finding]:
    size = buckets.settings.batch_size
    small = {bucket: entries for bucket, entries in buckets.by_size().items() if len(entries) < size}
    if not small:
        return []
    shown = first_few([f"{w}x{h} ({len(entries)})" for (w, h), entries in small.items()])
    text = f"{plural(len(small), 'bucket')} with fewer pictures than batch_size {size}, so their batches are smaller: {shown}."
    pictures = dict.fromkeys(buckets.entries[e].picture for entries in small.values() for e in entries)
    return [Finding(level="hint", kind="small buckets", text=text, pictures=tuple(pictures))]


def _balance(groups: list[Group]) -> list[Finding]:
    trained = [group for group in groups if not group.is_reg]
    if len(trained) < 2:
        return []
    most, least = max(trained, key=lambda g: g.seen), min(trained, key=lambda g: g.seen)
    if most.seen <= UNBALANCED * least.seen:
        return []
    changes = [
        f"{group.name}: {wanted}"
        for group in trained
        if (wanted := suggested(group, most.seen)) > group.seen / len(group.pictures)
    ]
    advice = f"; for an even share set repeats of {first_few(changes)}" if changes else ""
    times = f"{most.seen / least.seen:.1f}" if least.seen else "many"
    text = (
        f"{most.name} is seen {times} times as often as {least.name} ({most.seen} and {least.seen} per epoch){advice}."
    )
    return [Finding(level="hint", kind="balance", text=text)]


def suggested(group: Group, seen: int) -> int:
    """Return the repeats with which a group's pictures are seen about `seen` times per epoch in all."""
    return max(1, round(seen / len(group.pictures)))


def _few(dataset: Dataset) -> list[Finding]:
    number = len({dataset.pictures[i].content for i in training(dataset)})
    if number >= FEW_PICTURES:
        return []
    text = f"Only {plural(number, 'different picture')}; 10 to 30 are usual for a subject, more for a style."
    return [Finding(level="hint", kind="few pictures", text=text)]
