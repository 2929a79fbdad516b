"""The text of a sweep: names, values, and what is said where a line is wrong."""

from __future__ import annotations

import pytest
from athanor.training_core.compare.widgets import Widget
from athanor.training_core.errors import AthanorError
from athanor.training_core.sweep import lines


def widget(node, name, type_="FLOAT", value=1, title="Train LoRA", **more):
    return Widget(node=node, name=name, title=title, kinds=(f"Athanor{title}", title), type=type_, value=value, **more)


KNOWN = [
    widget("3", "learning_rate", title="Optimizer Config", minimum=0, maximum=10),
    widget("3", "optimizer_type", "COMBO", title="Optimizer Config", options=("AdamW", "AdamW8bit", "Prodigy")),
    widget("3", "optimizer_args", "STRING", title="Optimizer Config"),
    widget("12", "rank", "INT", title="Network Config", minimum=1, maximum=1024),
    widget("15", "rank", "INT", title="Second", minimum=1, maximum=1024),
    widget("12", "dora", "BOOLEAN", title="Network Config"),
    widget("20", "seed", "INT", maximum=2**53),
    widget("20", "output_name", "STRING"),
    Widget(node="9", name="seed", title="Sampler", kinds=("KSampler", "KSampler"), type="INT", value=0),
    widget("5:3", "epochs", "INT", minimum=1, maximum=99),
]
ELSEWHERE = {"noise_offset": "it is a setting of Noise Config: connect one to Train LoRA"}


def ours(one):
    return one.kinds[0].startswith("Athanor")


def read(text, seed=0):
    return lines.read(text, KNOWN, ours, ELSEWHERE, seed)


def shown(text):
    return {each.widget.full.rpartition("(")[2]: [c.label for c in each.choices] for each in read(text)}


def test_lines_are_read_as_they_are_written():
    assert shown("learning_rate: 5e-5, 0.0001, 1e-4, 2e-4\n\n# a note\n12.rank: 8-16(4)\ndora: on, off") == {
        "3).learning_rate": ["5e-5", "1e-4", "2e-4"],  # equal values once
        "12).rank": ["8", "12", "16"],
        "12).dora": ["on", "off"],
    }
    assert shown("lr = 1e-3; Second.rank: 4; optimizer: adamw8bit, Prodigy") == {
        "3).learning_rate": ["1e-3"],
        "15).rank": ["4"],
        "3).optimizer_type": ["AdamW8bit", "Prodigy"],
    }
    assert shown('optimizer_args: weight_decay=0.1, "betas=0.9,0.99"') == {
        "3).optimizer_args": ["weight_decay=0.1", "betas=0.9,0.99"]
    }
    assert shown("5:3.epochs: 2, 4") == {"5:3).epochs": ["2", "4"]}


def test_a_random_seed_is_the_same_when_it_is_queued_again():
    (one,), (again,), (other,) = (read("seed: x3, 7", seed) for seed in (0, 0, 1))
    assert one == again != other and one.widget.node == "20" and len(one.choices) == 4
    assert one.choices[-1].value == 7 and all(0 <= choice.value < 2**31 for choice in one.choices)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "settings is empty"),
        ("# rank: 8", "settings is empty"),
        ("8, 16", "line 1: '8, 16' has no name before a colon"),
        ("x" * 200_000, "line 1: 'xxx"),  # read in one go: a pattern that tried all ways held every thread for minutes
        ("a" * 100_000 + ".b" + " " * 50_000 + "c", "line 1: 'aaa"),
        ("rank: 8" + " " * 200_000, "settings has 200,007 characters, and takes 200,000"),
        ("\nlearning_rat: 1", "line 2: no node in front of the sweep has 'learning_rat'; "),
        ("learning_rat: 1", "learning_rate"),
        ("noise_offset: 0.1", "it is a setting of Noise Config: connect one to Train LoRA"),
        ("rank: 8", "line 1: rank is in Network Config (12) and Second (15); write 12.rank or 15.rank"),
        ("12.rnk: 8", "line 1: there is no widget '12.rnk'"),
        ("12.rank: 0", "line 1 (rank): Network Config (12).rank takes at least 1 and at most 1024, not 0"),
        ("optimizer_type: Adan", "line 1 (optimizer_type): there is no optimizer_type of Optimizer Config 'Adan'"),
        ("dora: maybe", "takes true or false, not 'maybe'"),
        ("lr: 1\nlearning_rate: 2", "line 2: Optimizer Config (3).learning_rate has a line already"),
        ("lr:", "line 1: learning_rate has no values"),
        ("lr: a, b", "line 1 (learning_rate): 'a' is not a number or a range"),
        ("output_name: a, b", "output_name cannot vary: each run gets a name of its own"),
        ("seed: 1e17", "takes at most"),
    ],
)
def test_what_is_wrong_names_the_line(text, words):
    with pytest.raises(AthanorError) as told:
        read(text)
    assert words in str(told.value), str(told.value)


def test_numbers_are_as_short_as_people_write_them():
    values = {
        5e-5: "5e-5",
        1e-4: "1e-4",
        0.05: "0.05",
        0.5: "0.5",
        1.0: "1",
        3.25e-6: "3.25e-6",
        0.0: "0",
        1e12: "1e12",
        16: "16",
    }
    assert {value: lines.short(value) for value in values} == values
