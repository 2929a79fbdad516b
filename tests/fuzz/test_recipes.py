"""Recipes as they come out of chats, half copied, wrong and hostile: each is read, or refused in one sentence, and nothing is lost."""

from __future__ import annotations

import json
import random
from pathlib import Path

import fuzz
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes import graph
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import GROUPS, Reading

FILES = sorted(
    path
    for folder in ("published", "originals")
    for path in (Path(__file__).parents[1] / "recipes" / folder).iterdir()
    if path.name != "README.md"
)
VALUES = [
    "", "0", "-1", "1e999", "nan", "true", "None", "null", "[]", "{}", "1e-4", "999999999999999999999", "0x10", "½",
    "'", '"', "\\", "$(rm -rf x)",
    "`id`", "{HOME}",
    "%PATH%", "\u202e", "\0", "a" * 20_000, "=" * 200, "--", "../../x", "C:\\x\\", "\ud800", "[[", "]]]", "1,2,3,4", "(" * 500, "日本",
]  # fmt: skip


def changed(text: str, rng: random.Random) -> str:
    """Return a recipe with one of its words, values or lines in a wrong place, or made of two."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    kind = rng.choice(("value", "value", "word", "line", "lines", "shuffle", "join", "indent"))
    if kind in ("value", "word"):
        words = lines[at].replace("=", " = ").replace(":", " : ").split(" ")
        words[rng.randrange(len(words))] = rng.choice(VALUES)
        lines[at] = " ".join(words)
    elif kind == "line":
        del lines[at]
    elif kind == "lines":
        lines = lines[at:] + lines[:at]
    elif kind == "shuffle":
        rng.shuffle(lines)
    elif kind == "join":
        lines = " ".join(lines).split("|")
    else:
        lines[at] = " " * rng.randrange(9) + lines[at]
    return "\n".join(lines)


def nested(value: object, rng: random.Random) -> object:
    """Return a structure with one of its values replaced by one of another kind."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        return {**value, key: nested(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        return [*value[:at], nested(value[at], rng), *value[at + 1 :]]
    return rng.choice([*VALUES, None, True, -1, 1e308, 2**70, [], {}, [[[[]]]], {"a": {"b": [1]}}, [None], ["x"] * 300])


def check(reading: Reading, given: str) -> None:
    """Fail unless what was read is whole: settings that their nodes take, lines that can be shown, a graph; `given`: what was read."""
    for name in GROUPS:
        reading.recipe.group(name)
    for number in range(len(reading.recipe.datasets)):
        reading.recipe.dataset(number)
    for line in reading.lines:
        assert line.name.strip() or line.value.strip()
        assert len(line.name) <= 200 and len(line.value) <= 200 and len(line.to) <= 4000
        if line.why and "Error" not in given:  # some were posted with a traceback around them, which is quoted
            fuzz.check_message(line.why)
        assert line.kind != "translated" or line.why
    made = graph.graph(reading.recipe)
    json.dumps(made.prompt())


def try_one(name: str, data: bytes) -> bool:
    """Read one, and return whether it was a recipe."""
    with fuzz.no_hang(data[:300]):
        try:
            reading = read([Document(name=name, data=data)])
        except AthanorError as error:
            fuzz.check_message(str(error))
            return False
        check(reading, data.decode("utf-8", "replace"))
        return True


def test_hurt_recipes():
    """5,000 with all cases: bytes as bad disks leave them, words and lines as bad copies do, values of the wrong kind."""
    rng, good = fuzz.generator("recipes"), 0
    count = fuzz.cases(5000, 12)
    for _ in range(count):
        path = rng.choice(FILES)
        data = path.read_bytes()
        kind = rng.random()
        if kind < 0.3:
            data = fuzz.hurt(data, rng)
        elif kind < 0.5 and path.suffix == ".json":
            data = json.dumps(nested(json.loads(data.decode("utf-8-sig")), rng)).encode()
        else:
            data = changed(data.decode("utf-8", "replace"), rng).encode("utf-8", "surrogatepass")
        good += try_one(rng.choice((path.name, path.name, "")), data)
    assert good > count // 3  # else the cases are too far from what people have
