"""Names as people write them -> the names that the host has (pure)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..errors import AthanorError
from ..history.run_files import without_copies


def simple(name: str) -> str:
    """Return a name without what people write differently: 'DPM++ 2M' and 'dpmpp_2m' are the same."""
    name = re.sub(r"[\s_-]+", "_", name.strip().lower().replace("++", "pp"))
    return re.sub(r"_a$", "_ancestral", name.removesuffix(".safetensors"))


def resolve(name: str, known: Sequence[str], what: str) -> str:
    """Return the known name that is meant: exact, else the only one that differs in case, ending or spelling of spaces.

    Raises:
        AthanorError: there is none, or more than one; the nearest are listed.
    """
    if name in known:
        return name
    same = [k for k in known if simple(k) == simple(name)] or [
        k for k in known if simple(k.replace("\\", "/").rpartition("/")[2]) == simple(name)
    ]
    if len(same) == 1:
        return same[0]
    if same:
        raise AthanorError(f"values: {what} '{name}' could be {' or '.join(same[:4])}; write it with its folder.")
    raise AthanorError(f"values: there is no {what} '{name}'; {nearest(name, known)}.")


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the known names that look most like it, in words."""
    if not known:
        return "there are none"
    simples = {simple(k): k for k in known}
    close = difflib.get_close_matches(simple(name), simples, 3, 0.5)
    close += [s for s in simples if simple(name) in s and s not in close][: 3 - len(close)]
    names = [simples[s] for s in close] or list(known[:6])
    return f"{'the nearest are' if close else 'there are'} {', '.join(names)}"


def expanded(parts: Sequence[str], known: Sequence[str]) -> list[str]:
    """Patterns such as my_lora-* become the names that they fit, in natural order."""
    result: list[str] = []
    for part in parts:
        if any(c in part for c in "*?["):
            matches = match_names(part, known)
            if not matches:
                raise AthanorError(f"values: nothing matches the pattern '{part}'; {nearest(part, known)}.")
            result += matches
        else:
            result.append(part)
    return result


def match_names(pattern: str, known: Sequence[str]) -> list[str]:
    """Return the names that a pattern fits, whole or without their folder, in natural order; see `without_copies`."""

    def fits(name: str) -> bool:
        name = name.replace("\\", "/").lower()
        whole = pattern.replace("\\", "/").lower()
        tail = name if "/" in whole else name.rpartition("/")[2]
        return fnmatchcase(tail, whole) or fnmatchcase(tail, whole + ".safetensors")

    return sorted(without_copies(filter(fits, known)), key=natural)


def natural(text: str) -> list[tuple[int, Any]]:
    """Return a sort key by which 'e9' stands before 'e10'."""
    return [(0, int(p)) if p.isdigit() else (1, p.lower()) for p in re.split(r"(\d+)", text) if p]
