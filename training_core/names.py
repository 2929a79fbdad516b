"""Names as people write them -> names that there are (pure)."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Any

from .errors import AthanorError, quoted, shortened

_LONGEST = 300
"""Characters of a name; file systems take 255 for each of its parts."""

_MOST = 10_000
"""Names that one text may mean."""

_MOST_PATTERNS = 100
"""Patterns of one text: each is held against all names."""


_PACK = " (Athanor)"


def own(title: str) -> str:
    """Return a node's title without the pack's name, which the title has where a node of ComfyUI or another pack is called the same."""
    return title.removesuffix(_PACK)


@lru_cache(maxsize=65536)
def simple(name: str) -> str:
    """Return a name without what people write differently: 'DPM++ 2M' and 'dpmpp_2m' are the same, and so are a\\b and a/b."""
    name = re.sub(r"[\s_-]+", "_", name.strip().lower().replace("++", "pp").replace("\\", "/"))
    return re.sub(r"_a$", "_ancestral", name.removesuffix(".safetensors"))


class Known:
    """The names that there are of one kind, and the ways to write them."""

    def __init__(
        self,
        names: Sequence[str],
        what: str,
        field: str = "values",
        by_pattern: Callable[[list[str]], list[str]] = list,
    ) -> None:
        """`what`: their kind, and `field`: where they are typed, for messages; `by_pattern`: which of a pattern's are meant."""
        self._names, self._what, self._field, self._by_pattern = names, what, field, by_pattern

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(self._names)

    @cached_property
    def _whole(self) -> dict[str, list[str]]:
        return _grouped((simple(name), name) for name in self._names)

    @cached_property
    def _without_folder(self) -> dict[str, list[str]]:
        return _grouped((simple(name).rpartition("/")[2], name) for name in self._names)

    def _meant(self, name: str) -> list[str]:
        """Return the names that `name` can mean: itself, else those that differ in case, ending, slashes or spaces, else those
        of any folder."""
        if name in self._exact:
            return [name]
        if len(name) > _LONGEST:
            return []
        return self._whole.get(simple(name)) or self._without_folder.get(simple(name), [])

    def has(self, name: str) -> bool:
        """Whether `name` means one of the names, however it is written; patterns do not count."""
        return bool(self._meant(name))

    def without(self, texts: Iterable[str]) -> Known:
        """Return the same names, of which those that these names and patterns mean are not meant by other patterns."""
        out = {
            name
            for text in texts
            for name in (
                match_names(text, self._names) if is_pattern(text) and not self.has(text) else self._meant(text)
            )
        }
        if not out:
            return self
        return Known(
            self._names, self._what, self._field, lambda names: self._by_pattern([n for n in names if n not in out])
        )

    def resolve(self, name: str) -> str:
        """Return the name that is meant.

        Raises:
            AthanorError: there is none, or more than one; the nearest are listed.
        """
        meant = self._meant(name)
        if len(meant) == 1:
            return meant[0]
        if meant:
            could = " or ".join(shortened(each, 120) for each in meant[:4])
            raise AthanorError(
                f"{self._field}: {self._what} {quoted(name)} could be {could}; write it with its folder and ending."
            )
        raise AthanorError(f"{self._field}: there is no {self._what} {quoted(name)}; {nearest(name, self._names)}.")

    def find(self, parts: Sequence[str]) -> list[str]:
        """Return the names that are meant, in order; a pattern such as my_lora-* becomes those that it fits, in natural order.
        A name that is there is no pattern.

        Raises:
            AthanorError: as `resolve`; or a pattern fits none, or there are too many.
        """
        result: list[str] = []
        found: dict[str, list[str]] = {}
        for part in parts:
            if not is_pattern(part) or self.has(part):
                result.append(self.resolve(part))
                continue
            if part not in found:
                if len(found) >= _MOST_PATTERNS:
                    raise AthanorError(f"{self._field}: there are more than {_MOST_PATTERNS} patterns; leave some out.")
                found[part] = self._by_pattern(match_names(part, self._names))
            if not found[part]:
                raise AthanorError(
                    f"{self._field}: nothing matches the pattern {quoted(part)}; {nearest(part, self._names)}."
                )
            result += found[part]
            if len(result) > _MOST:
                raise AthanorError(
                    f"{self._field}: {quoted(part)} and others match more than {_MOST} names; write narrower patterns."
                )
        return result


def _grouped(pairs: Any) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key, name in pairs:
        groups[key].append(name)
    return groups


def resolve(name: str, known: Sequence[str], what: str) -> str:
    """Return the known name that is meant, see `Known.resolve`."""
    return Known(known, what).resolve(name)


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the up to 3 known names that look most like it, in words; those of any folder count, as graphs of others name
    other folders. Where none looks like it, the first 6 are listed."""
    if not known:
        return "there are none"
    found = alike(name, known)
    names = ", ".join(shortened(n, 120) for n in found or known[:6])
    return f"the nearest: {names}" if found else f"there are {names}"


def alike(name: str, known: Sequence[str]) -> list[str]:
    """Return the up to 3 known names that look most like it, of any folder; none where none does."""
    wanted = simple(name[:_LONGEST])
    tail = wanted.rpartition("/")[2]
    found = _looking_like(tail, {k: simple(k).rpartition("/")[2] for k in known})
    if not found and tail != wanted:
        found = _looking_like(wanted, {k: simple(k) for k in known})
    return found


def _looking_like(wanted: str, simples: Mapping[str, str]) -> list[str]:
    """Return up to 3 keys of `simples` whose values look like `wanted` or hold it, the most alike first."""
    values = dict.fromkeys(simples.values())
    close = close_to(wanted, values, 3, 0.5)
    close += [s for s in values if wanted in s and s not in close][: 3 - len(close)]
    return [name for value in close for name, s in simples.items() if s == value][:3]


def close_to(name: str, known: Iterable[str], most: int = 1, ratio: float = 0.6) -> list[str]:
    """Return up to `most` known names that look most like `name`, however many there are and however long it is."""
    name = name[:_LONGEST]
    # difflib takes 50 us a name: only those that share most pairs of letters are given to it.
    pairs = list(dict.fromkeys(name[i : i + 2] for i in range(len(name) - 1)))[:16]
    shared = {k: sum(pair in k for pair in pairs) for k in known if len(k) <= _LONGEST}
    candidates = sorted(shared, key=lambda k: (-shared[k], abs(len(k) - len(name))))[:50]
    return difflib.get_close_matches(name, candidates, most, ratio)


def is_pattern(text: str) -> bool:
    """Return whether a text has signs that stand for others: * for any text, ? for one sign."""
    return "*" in text or "?" in text


def match_names(pattern: str, known: Sequence[str]) -> list[str]:
    """Return the names that a pattern fits, whole or without their folder, in natural order."""
    if len(pattern) > _LONGEST:
        return []
    # Brackets are letters of names here, and not the sets of letters that they are in fnmatch.
    wanted = pattern.replace("\\", "/").lower().replace("[", "[[]")
    folder = "/" in wanted

    def fits(name: str) -> bool:
        name = name.replace("\\", "/").lower()
        tail = name if folder else name.rpartition("/")[2]
        return fnmatchcase(tail, wanted) or fnmatchcase(tail, wanted + ".safetensors")

    return sorted(filter(fits, known), key=natural)


def natural(text: str) -> list[tuple[int, Any]]:
    """Return a sort key by which 'e9' stands before 'e10'."""
    return [(0, int(p)) if p.isdecimal() and len(p) < 1000 else (1, p.lower()) for p in re.split(r"(\d+)", text) if p]
