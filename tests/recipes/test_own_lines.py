"""Comment lines in which an exported recipe says what another program has no word for."""

import pytest
from athanor.training_core.recipes import own_lines
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.rules import Contents
from athanor.training_core.recipes.translate import Program, translate

OTHER = Program(title="Other", vocabulary={})


def read(text: str, datasets: int = 1):
    document, given = own_lines.split(Document(data=text.encode()))
    return document.text, translate(Contents(entries=given, datasets=datasets), OTHER, "lines")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training.gradient_checkpointing", "part"),
        ("training.training_comment", 'two\nlines, "quotes", a \\ and \u2028'),
        ("network.blocks.block_dims", "4,8"),
        ("buckets.width", 1024),
        ("noise.noise_offset", 0.0357),
        ("optimizer.ema_decay", 0.999),
    ],
)
def test_a_line_says_a_value_of_any_kind(path, value):
    text, reading = read(f"train --x 1\n{own_lines.written(path, value)}\nlast\n")
    assert text == "train --x 1\nlast\n"
    *groups, name = path.split(".")
    found = reading.recipe.settings
    for group in groups:
        found = found[group]
    assert found[name] == value
    assert [line.kind for line in reading.lines] == ["taken"]


def test_lines_about_datasets_and_the_model():
    lines = [
        own_lines.written("datasets.folder", "b", 1),
        own_lines.written("model.files.vae", "D:\\a b\\vae.safetensors"),
        own_lines.written("model.v_prediction", True),
        own_lines.written("model.weight_dtype", "fp8_e5m2"),
    ]
    _, reading = read("\n".join(lines), datasets=2)
    assert [dict(each) for each in reading.recipe.datasets] == [{}, {"folder": "b"}]
    model = reading.recipe.model
    assert (model.files, model.v_prediction, model.weight_dtype) == (
        {"vae": "D:\\a b\\vae.safetensors"},
        True,
        "fp8_e5m2",
    )


def test_an_empty_text_counts_as_said():
    _, reading = read(own_lines.written("datasets.caption_separator", "", 0))
    assert reading.recipe.datasets == ({"caption_separator": ""},)


@pytest.mark.parametrize(
    "line",
    [
        "# Athanor only: training.no_such_thing = 1",
        "# Athanor only: datasets.folder = 1",
        "# Athanor only: datasets.0.folder = 1",
        "# Athanor only: datasets.9999.folder = 1",
        "# Athanor only: training.epochs = one",
        "# Athanor only: model.weight_dtype = 8",
        "# Athanor only: model.clip_skip = 25",
        "# Athanor only: training.epochs = 0",
    ],
)
def test_what_cannot_be_read_is_told(line):
    _, reading = read(line)
    assert [each.kind for each in reading.lines] == ["unknown"]
    assert reading.lines[0].why
    assert not reading.recipe.settings and not reading.recipe.model.clip_skip
