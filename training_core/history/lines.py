"""The one door for the logs of runs: a disk, a copy or another version may have changed any line of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..files import parse_lines

_MOST = 2**53  # the last whole number that a page knows
_LARGEST = 1e100  # of a number; its square is still one
_LATEST = 3e10  # seconds since 1970 that every system can write as a date


def _whole(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _number(value: object) -> bool:
    return type(value) in (int, float) and -_LARGEST < value < _LARGEST  # pyright: ignore[reportOperatorIssue] # checked


def _number_or_none(value: object) -> bool:
    return value is None or _number(value)


def _time(value: object) -> bool:
    return _number(value) and 0 <= value < _LATEST  # pyright: ignore[reportOperatorIssue] # it is a number


def _text(value: object) -> bool:
    return isinstance(value, str)


def _path(value: object) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _list_of(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


_CHECKS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(
        ("step", "epoch", "index", "steps", "epochs", "steps_per_epoch", "done", "total", "reached"), _whole
    ),
    **dict.fromkeys(("loss", "lr", "grad_norm", "seconds", "data_wait", "memory", "d_lr"), _number_or_none),
    **dict.fromkeys(("percent", "deviation", "norm"), _number_or_none),
    **dict.fromkeys(("event", "hash", "kind", "label", "prompt", "text", "why", "trouble", "what", "trained"), _text),
    "prompt_id": _text,
    **dict.fromkeys(("note", "weak"), lambda value: isinstance(value, bool)),
    **dict.fromkeys(("scorer", "title"), _text),
    "copies": _whole,
    "values": lambda value: isinstance(value, dict) and all(isinstance(each, dict) for each in value.values()),
    "scores": _list_of(lambda value: isinstance(value, dict)),
    **dict.fromkeys(("time", "queued"), _time),
    "path": _path,
    "pictures": _list_of(_whole),
    "timesteps": _list_of(_number),
    "losses": _list_of(_number_or_none),
    "lrs": _list_of(_number_or_none),
}
"""What the values of a line must be, by their names; names that no reader knows may hold anything."""

_NEEDED = {
    "saved": ("path", "step", "epoch", "hash", "kind"),
    "probed": ("step", "percent"),
    "sampled": ("path", "step", "epoch", "index", "prompt"),
    "scored": ("step", "epoch", "scorer", "title", "weak", "values", "copies", "scores"),
}
"""Names that an event's line must have, by its kind."""


def _fits(line: Mapping[str, Any]) -> bool:
    for name, value in line.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            return False
    return True


def is_event(line: Mapping[str, Any]) -> bool:
    """Return whether a line of events.jsonl has all that readers take from one; kinds of a newer version are events, too."""
    return "event" in line and _fits(line) and all(name in line for name in _NEEDED.get(line["event"], ()))


def is_step(line: Mapping[str, Any]) -> bool:
    """Return whether a line of metrics.jsonl has all that readers take from one."""
    return "step" in line and "epoch" in line and "loss" in line and "lr" in line and _fits(line)


def events(path: Path) -> tuple[tuple[dict[str, Any], ...], str]:
    """Return the events of an events.jsonl in order, and one sentence about lines that are none, or ''."""
    return _read(path, is_event)


def trouble_with_steps(path: Path, most: int) -> str:
    """Return one sentence about the lines of a metrics.jsonl that are no steps, or ''.

    Args:
        path: of the file.
        most: bytes that are looked at; of a longer file nothing is said.
    """
    try:
        return _read(path, is_step)[1] if path.stat().st_size <= most else ""
    except OSError:
        return ""


def _read(path: Path, is_one: Callable[[Mapping[str, Any]], bool]) -> tuple[tuple[dict[str, Any], ...], str]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return (), ""
    except OSError as error:
        return (), f"{path.name} cannot be read ({error.strerror})."
    end = data.rfind(b"\n") + 1
    good, unfinished = filter(is_one, parse_lines(data[:end])), filter(is_one, parse_lines(data[end:]))
    found = tuple(good)
    bad = sum(1 for line in data[:end].splitlines() if line.strip()) - len(found)
    what = f"{bad} line{'s are' if bad > 1 else ' is'} damaged and left out"
    return (*found, *unfinished), f"{path.name}: {what}." if bad else ""
