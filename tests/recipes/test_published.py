"""Recipes as people published them, in the forms of ten programs: each is read, and everything that it says has its line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from athanor.training_core import toml
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.graph import graph
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import GROUPS, Reading

FOLDER = Path(__file__).with_name("published")
BROKEN = {"diffusion-pipe-sdxl-broken-line.toml": "line 4"}
"""File that cannot be read -> what the sentence about it names."""
FILES = [path.name for path in sorted(FOLDER.iterdir()) if path.name not in ("README.md", *BROKEN)]
PROGRAMS = sorted({name.partition("-")[0] for name in FILES})
"""How the names of the files begin: by program."""
FRAGMENT = "ai-toolkit-flux-fragment.yaml"
"""A file that no YAML reader takes, as people paste a part of one."""
TOGETHER = {"prompt", "ctrl_img_1", "ctrl_img_2", "enable_resolution_override"}
"""Names that are a part of another's value: a sample's prompt of "samples", the switch of a size."""


@cache
def reading(name: str) -> Reading:
    return read([Document(name=name, data=(FOLDER / name).read_bytes())])


def told(name: str) -> str:
    """Return all names that the lines of a recipe have, with spaces around each word."""
    return f" {' '.join(re.sub(r'[^A-Za-z0-9_]', ' ', f'{line.name} {line.value}') for line in reading(name).lines)} "


def of_program(program: str, endings: tuple[str, ...] = ("",)) -> list[str]:
    return [name for name in FILES if name.partition("-")[0] == program and name.endswith(endings)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_is_read(program):
    """Its settings are what their nodes take, it makes a graph, and a good part of it is taken over."""
    for name in of_program(program):
        found = reading(name)
        for group in GROUPS:
            found.recipe.group(group)
        assert [found.recipe.dataset(i) for i in range(len(found.recipe.datasets))], name
        assert graph(found.recipe).prompt(), name
        kinds = Counter(line.kind for line in found.lines)
        assert kinds["taken"] + kinds["translated"] > kinds["unknown"], name
        assert all(line.why for line in found.lines if line.kind != "taken"), name
        assert all(line.to or line.why for line in found.lines), name


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_is_told_with_its_place(name):
    with pytest.raises(AthanorError, match=rf"{name}.*{BROKEN[name]}"):
        reading(name)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_name_of_a_file_has_a_line(program):
    """Nothing is dropped silently: the names of all values, in whichever section, are found in the list."""
    parsers = {".json": json.loads, ".toml": toml.loads, ".yaml": yaml.safe_load}
    for name in of_program(program, tuple(parsers)):
        if name == FRAGMENT:
            continue
        value: Any = parsers[Path(name).suffix]((FOLDER / name).read_text(encoding="utf-8-sig"))
        words = told(name)
        assert {key for key in leaves(value) if f" {key} " not in words} <= TOGETHER, name


def leaves(value: Any, name: str = "") -> Iterator[str]:
    """Yield the names of values, of lists the list's; not those of what a value holds as data, such as tags with their counts."""
    if isinstance(value, dict) and value and not name.startswith("ss_"):
        for key, inner in value.items():
            yield from leaves(inner, re.sub(r"[^A-Za-z0-9_]", " ", str(key)))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from leaves(each, name)
    elif value not in ({}, []):
        yield name


def test_every_option_of_a_command_has_a_line():
    names = [name for name in of_program("sd", (".sh", ".bat", ".ps1")) if name.startswith("sd-scripts-s")]
    assert len(names) >= 10
    for name in names:
        text = (FOLDER / name).read_text(encoding="utf-8-sig")
        comment = re.compile(r"\s*(#|rem\b|:::?|tensorboard\b)", re.IGNORECASE)
        lines = [line for line in text.splitlines() if not comment.match(line)]
        options = set(re.findall(r"(?<![\w-])--([a-z]\w+)", "\n".join(lines)))
        assert {option for option in options if f" {option} " not in told(name)} == set(), name
