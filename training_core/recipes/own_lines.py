"""Comment lines in which an exported recipe says what the other program has no word for, in one fixed form that is read back (pure).

A line is `# Athanor only: PATH = VALUE`, where PATH is "group.setting" ("network.blocks.block_dims"), "datasets.NUMBER.setting" with
the number of the Dataset Loader from 1, or one of the model ("model.files.vae"), and VALUE is JSON on one line. They may stand
anywhere in a text; each is read as if it stood behind all that the text says otherwise, and overrides it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..json_text import parse_json
from ..settings import JOB_GROUPS, info
from .document import Document
from .recipe import ROLES
from .rules import Entry, Same, Vocabulary

MARK = "Athanor only: "
_LINE = re.compile(rf"[ \t]*#[ \t]*{MARK}([\w.]+)[ \t]*=(.*)")
_MOST = 100
"""Datasets that a path may number."""

PATHS = (
    *(f"{group}.{each.name}" for group, kind in JOB_GROUPS.items() for each in info(kind)),
    *(f"model.{name}" for name in ("family", "clip_skip", "v_prediction", "weight_dtype")),
    *(f"model.files.{role}" for role in ROLES),
)
"""All that a recipe can say, as vocabularies name it."""
WORDS: Vocabulary = {f"{MARK}{path}": Same(path=path) for path in PATHS}
"""What these lines say, in words of every program."""


def written(path: str, value: Any, dataset: int | None = None) -> str:
    """Return the line that says the value of a setting; `dataset`: the number of its Dataset Loader from 0, for "datasets" paths."""
    if dataset is not None:
        path = path.replace("datasets.", f"datasets.{dataset + 1}.", 1)
    return f"# {MARK}{path} = {_json(value)}"


def given(path: str, value: Any, at: str = "", dataset: int | None = None) -> Entry:
    """Return what is said of the setting at a path of `PATHS`, in words that every program's recipes may have."""
    numbers = None if dataset is None else (dataset,)
    return Entry(name=f"{MARK}{path}", shown=path, value=value, at=at, datasets=numbers)


def split(document: Document) -> tuple[Document, tuple[Entry, ...]]:
    """Return a text without these lines, and what they say; a file that has none as it is.

    A line whose path is not known, or whose value is no JSON, is told as what is not known.
    """
    if MARK.encode() not in document.data:
        return document, ()
    kept, found = [], []
    for line in document.text.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            kept.append(line)
        else:
            found.append(_given(match[1], match[2].strip()))
    return replace(document, data="\n".join(kept).encode("utf-8", "replace")), tuple(found)


def datasets(lines: Iterable[Entry]) -> int:
    """Return how many Dataset Loaders lines are about."""
    return max((number + 1 for each in lines for number in each.datasets or ()), default=0)


def _given(path: str, text: str) -> Entry:
    """Return what a line says of a path."""
    number = re.fullmatch(r"datasets\.(\d{1,4})\.(\w+)", path)
    inner = f"datasets.{number[2]}" if number else path
    value = parse_json(text)
    dataset = int(number[1]) - 1 if number else None
    counted = dataset is not None and 0 <= dataset < _MOST
    if inner not in PATHS or counted != inner.startswith("datasets.") or value is None:
        return Entry(name=f"{MARK}{path}?", shown=path, value=text)
    return given(inner, value, f"datasets {dataset + 1}" if dataset is not None else "", dataset)


def _json(value: Any) -> str:
    """Return a value as JSON in one line, whatever counts as the end of a line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
