"""Balance Repeats: raise repeats so that groups of pictures are seen equally often, and report it as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from ..errors import AthanorError
from ..settings import RebalanceSettings
from ..wording import first_few
from .dataset import Dataset
from .repeats import scaled
from .tag_rules import parse_list
from .tags import Separators, key, tags_of

NONE = "(none)"
"""Name of the group of pictures that have none of the tags."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of pictures, as a row of the table shows it."""

    group: str
    before: tuple[int, ...]  # repeats of its pictures
    after: tuple[int, ...]
    wanted: int  # samples per epoch of the largest group; 0: this group is not raised


def rebalance(dataset: Dataset, settings: RebalanceSettings) -> tuple[Dataset, str]:
    """Return the dataset with raised repeats, and a table: group, pictures, repeats before and after, share of an epoch.

    All groups are raised to the one with the most pictures x repeats. Regularization pictures and those in no group keep
    their repeats; if nothing changes, the same dataset is returned.

    Raises:
        AthanorError: `by` is "tags", but no tags are named.
    """
    wanted_tags = parse_list(settings.tags, "tags")
    if settings.by == "tags" and not wanted_tags:
        raise AthanorError("tags is empty: name the tags that make the groups, or set by to sub-folders.")
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(_groups(dataset, settings.by, wanted_tags)):
        if name is not None:
            groups.setdefault(name, []).append(index)
    # Tags in the order they were given, folders by name, those without a group last.
    given = {tag: i for i, tag in enumerate(wanted_tags)} if settings.by == "tags" else {}
    names = sorted(groups, key=lambda name: (name == NONE, given.get(name, 0), name))
    pictures = list(dataset.pictures)
    wanted = max((sum(pictures[i].repeats for i in groups[n]) for n in names if n != NONE), default=0)
    rows = []
    for name in names:
        indexes = sorted(groups[name], key=lambda i: (pictures[i].name, i))
        before = [pictures[i].repeats for i in indexes]
        after = before if name == NONE else scaled(before, wanted, settings.max_repeats)
        rows.append(GroupRow(name, tuple(before), tuple(after), 0 if name == NONE else wanted))
        for i, repeats in zip(indexes, after, strict=True):
            pictures[i] = replace(pictures[i], repeats=repeats)
    changed = any(row.before != row.after for row in rows)
    missing = [tag for tag in given if tag not in groups]
    text = _table(rows, settings.max_repeats, missing, len(pictures) - sum(len(row.before) for row in rows))
    return (replace(dataset, pictures=tuple(pictures)) if changed else dataset), text


def _groups(dataset: Dataset, by: str, wanted: Sequence[str]) -> list[str | None]:
    """Return each picture's group: the first of the `wanted` tags that it has, or its sub-folder; None for regularization."""
    separators = [Separators.of(subset) for subset in dataset.subsets]
    result: list[str | None] = []
    for picture in dataset.pictures:
        subset = dataset.subsets[picture.subset]
        if subset.is_reg:
            result.append(None)
        elif by == "tags":
            has = {key(tag) for tag in tags_of(picture.caption, separators[picture.subset])}
            result.append(next((tag for tag in wanted if key(tag) in has), NONE))
        else:
            parts = PurePosixPath(picture.name).parts
            name = parts[0] if len(parts) > 1 else "(no sub-folder)"
            # With several folders, equal sub-folder names are different groups.
            several = len(dataset.subsets) > 1
            result.append(f"{picture.subset + 1}: {subset.folder}/{name}" if several else name)
    return result


def _table(rows: Sequence[GroupRow], most: int, missing: list[str], left_alone: int) -> str:
    total = sum(sum(row.after) for row in rows) or 1
    cells = [("group", "pictures", "before", "after", "share")]
    for row in rows:
        share = f"{100 * sum(row.after) / total:.1f} %"
        cells.append((row.group, str(len(row.before)), _range(row.before), _range(row.after), share))
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in cells
    ]
    if short := [row.group for row in rows if sum(row.after) < row.wanted]:
        lines.append(f"Below the largest group, because max_repeats is {most}: {first_few(short)}.")
    if missing:
        lines.append(
            f"These tags have no group, as they are in no caption or only beside an earlier tag: {first_few(missing, 10)}."
        )
    if left_alone:
        lines.append(f"{left_alone} regularization pictures are not changed.")
    return "\n".join(lines)


def _range(numbers: Sequence[int]) -> str:
    return str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)}-{max(numbers)}"
