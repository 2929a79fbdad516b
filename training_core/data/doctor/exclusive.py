"""Tags that contradict each other: of each group only one can be true of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exclusive:
    """A group of tags that exclude each other."""

    sides: tuple[frozenset[str], ...]  # a caption may have tags of one side only; those of one side agree
    unless: frozenset[str] = frozenset()  # with one of these tags there is no contradiction
    of_a_person: bool = False  # not checked for captions with several people, who may differ


def _sides(text: str) -> tuple[frozenset[str], ...]:
    """Parse the sides of a group: in 'a, b | c' the tags a and b are one side, c is the other."""
    return tuple(_set(side) for side in text.split("|"))


def _set(text: str) -> frozenset[str]:
    return frozenset(tag.strip() for tag in text.split(",") if tag.strip())


_MANY = _set(
    "2girls, 3girls, 4girls, 5girls, 6+girls, multiple girls, 2boys, 3boys, 4boys, 5boys, 6+boys, multiple boys, "
    "2others, 3others, multiple others, couple, group, crowd, everyone"
)
_ONE_EACH = (_set("1girl"), _set("1boy"), _set("1other"))

_SEVERAL_VIEWS = _set(
    "multiple views, split screen, comic, 4koma, 2koma, collage, before and after, character sheet, reference sheet, "
    "turnaround, variations, multiple persona, dual persona, time paradox, chart, sequential"
)
"""Captions with these tags describe more than one view, so nothing in them contradicts."""

_HAIR = (
    "black hair | brown hair, light brown hair, dark brown hair | blonde hair | red hair | orange hair | "
    "pink hair, light pink hair | purple hair, light purple hair | blue hair, light blue hair, dark blue hair, aqua hair | "
    "green hair, light green hair, dark green hair | white hair, grey hair, gray hair, silver hair"
)
_EYES = (
    "black eyes | brown eyes, amber eyes, yellow eyes, orange eyes | red eyes | pink eyes | purple eyes, violet eyes | "
    "blue eyes, aqua eyes, light blue eyes | green eyes | white eyes, grey eyes, gray eyes, silver eyes"
)
_COLOURED = ",".join(
    tag
    for tag in f"{_HAIR}|{_EYES}".replace("|", ",").split(",")
    if not any(c in tag for c in ("black", "white", "grey", "gray", "silver"))
)

EXCLUSIVE: tuple[Exclusive, ...] = (
    Exclusive(_sides("1girl | 2girls | 3girls | 4girls | 5girls | 6+girls")),
    Exclusive(_sides("1boy | 2boys | 3boys | 4boys | 5boys | 6+boys")),
    Exclusive(_sides("1girl | multiple girls")),
    Exclusive(_sides("1boy | multiple boys")),
    Exclusive((_set("solo"), _MANY)),
    Exclusive((_set("no humans"), _MANY | _set("1girl, 1boy, solo focus"))),
    Exclusive(
        _sides("short hair, very short hair | medium hair | long hair, very long hair, absurdly long hair"),
        _set("short hair with long locks, asymmetrical hair"),
        of_a_person=True,
    ),
    Exclusive(_sides("bald | short hair, long hair, medium hair, very long hair"), of_a_person=True),
    Exclusive(
        _sides(_HAIR),
        _set(
            "multicolored hair, multicoloured hair, two-tone hair, gradient hair, streaked hair, split-color hair, "
            "colored inner hair, colored tips, highlights, rainbow hair, hair highlights, roots (hair)"
        ),
        of_a_person=True,
    ),
    Exclusive(
        _sides(_EYES),
        _set("heterochromia, multicolored eyes, multicoloured eyes, two-tone eyes, gradient eyes, rainbow eyes"),
        of_a_person=True,
    ),
    Exclusive(_sides("open mouth | closed mouth"), of_a_person=True),
    Exclusive(_sides("open eyes | closed eyes"), _set("one eye closed, wink"), of_a_person=True),
    Exclusive(_sides("standing | sitting | lying, lying down"), of_a_person=True),
    Exclusive(_sides("full body | cowboy shot | upper body | portrait | lower body")),
    Exclusive(_sides("from above | from below")),
    Exclusive(_sides("indoors | outdoors"), _set("window, doorway, balcony, veranda, engawa, open door, porch")),
    Exclusive(_sides("day, daytime | night, nighttime"), _set("day and night, sunset, twilight, evening, dusk, dawn")),
    Exclusive(
        _sides("white background | black background | grey background, gray background | red background | "
               "blue background | green background | pink background | yellow background | purple background"),
        _set("gradient background, two-tone background, multicolored background, split background, striped background"),
    ),
    Exclusive(_sides("simple background | detailed background, scenery, landscape")),
    Exclusive(
        _sides(f"monochrome, greyscale, grayscale, black and white | colorful, colourful, {_COLOURED}"),
        _set("spot color, partially colored, limited palette, sepia, red theme, blue theme, green theme, pink theme, "
             "purple theme, yellow theme, orange theme, brown theme"),
    ),
)  # fmt: skip


def contradictions(tags: Set[str]) -> Iterator[tuple[str, ...]]:
    """Yield, for each group that a caption contradicts, its tags: the alphabetically first of each side.

    Args:
        tags: the caption's, as `normal` returns them.
    """
    if tags & _SEVERAL_VIEWS:
        return
    people = tags & _MANY or sum(bool(tags & one) for one in _ONE_EACH) > 1
    for group in EXCLUSIVE:
        if (group.of_a_person and people) or tags & group.unless:
            continue
        hit = [min(side & tags) for side in group.sides if side & tags]
        if len(hit) > 1:
            yield tuple(hit)
