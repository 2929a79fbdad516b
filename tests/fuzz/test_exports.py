"""Recipes drawn at random written and read back; what was exported hurt and imported; graphs of anybody exported in every form."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import fuzz
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes import exported
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import GROUPS
from random_recipes import WEIRD, recipe, same

EXAMPLES = sorted((Path(__file__).parents[2] / "example_workflows").glob("*.json"))
VALUES = [
    *WEIRD,
    "",
    None,
    True,
    -1,
    0,
    1e308,
    2**70,
    [],
    {},
    ["1", 0],
    ["5", 3],
    [1, 0],
    ["x", "y"],
    {"__value__": [1]},
    [[[]]],
    "\ud800",
]


def nested(value: Any, rng: random.Random) -> Any:
    """Return a structure with one of its values replaced by one of another kind, or taken out."""
    if isinstance(value, dict) and value and rng.random() < 0.95:
        key = rng.choice(list(value))
        if rng.random() < 0.05:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: nested(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.6:
        at = rng.randrange(len(value))
        return [*value[:at], nested(value[at], rng), *value[at + 1 :]]
    return rng.choice(VALUES)


def imported(files: Any) -> Any:
    return read([Document(name=file.name, data=file.text.encode()) for file in files]).recipe


def test_what_is_exported_is_imported_as_it_was():
    """3,000 recipes with all cases, as a command, a job and a graph of the API."""
    for number in range(fuzz.cases(3000, 150)):
        wanted = recipe(1_000_000 * fuzz.SEED + 10_000 + number)
        command = exported.Source(found=exported.FromGraph(recipe=wanted), prompt={}, node="")
        assert same(imported(exported.export("command", command).files), wanted), number
        source = exported.of_recipe(wanted)
        source = exported.of_prompt(source.prompt, source.node, family=wanted.model.family)
        for form in ("job", "api"):
            assert same(imported(exported.export(form, source).files), source.found.recipe), (number, form)


def test_hurt_exports():
    """2,000 files that were written here, as bad copies and bad hands leave them: read, or refused in one sentence."""
    rng, good = fuzz.generator("exports"), 0
    count = fuzz.cases(2000, 50)
    for _ in range(count):
        source = exported.of_recipe(recipe(rng.randrange(500)))
        files = exported.export(rng.choice(("command", "job", "api")), source).files
        path = rng.choice(EXAMPLES)
        name, text = rng.choice(
            [*((file.name, file.text) for file in files), (path.name, path.read_text(encoding="utf-8"))]
        )
        if name.endswith(".json") and rng.random() < 0.7:
            data = json.dumps(nested(json.loads(text), rng)).encode("utf-8", "surrogatepass")
        elif name.endswith(".sh") and rng.random() < 0.7:
            data = text.replace(" = ", rng.choice((" = ", "=", " = [", " = 1e999 #", " : ")), 3).encode()
            data = data.replace(
                b"datasets.1", rng.choice((b"datasets.0", b"datasets.99", b"datasets.100", b"datasets"))
            )
        else:
            data = fuzz.hurt(text.encode(), rng)
        with fuzz.no_hang(data[:300]):
            try:
                reading = read([Document(name=rng.choice((name, "")), data=data)])
            except AthanorError as error:
                fuzz.check_message(str(error))
                continue
        good += 1
        for group in GROUPS:
            reading.recipe.group(group)
        for line in reading.lines:
            assert line.kind == "taken" or line.why or line.to
    assert good > count // 3


def test_graphs_of_anybody():
    """3,000 graphs with a wrong value, link or node: exported in every form, or refused in one sentence."""
    rng, good = fuzz.generator("graphs"), 0
    count = fuzz.cases(3000, 60)
    for _ in range(count):
        made = exported.of_recipe(recipe(rng.randrange(500)))
        prompt = dict(made.prompt)
        for _ in range(rng.choice((1, 1, 3))):
            key = rng.choice(list(prompt))
            prompt = {**prompt, key: nested(prompt[key], rng)}
        node = rng.choice((made.node, made.node, "", "x"))
        with fuzz.no_hang(json.dumps(prompt)[:300]):
            try:
                source = exported.of_prompt(prompt, node)
                written = exported.export(rng.choice(tuple(exported.FORMS)), source)
            except AthanorError as error:
                fuzz.check_message(str(error))
                continue
        good += 1
        for sentence in written.left_out:
            fuzz.check_message(sentence)
        for file in written.files:
            assert file.text
    assert good > count // 4
