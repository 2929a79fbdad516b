"""What the widgets of LoRA Edit mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from athanor.training_core.edit import asked
from athanor.training_core.edit.svd import RankRule
from athanor.training_core.errors import AthanorError

KNOWN = ["my_lora-000001.safetensors", "my_lora-000002.safetensors", "sub/other.safetensors", "odd[1].safetensors"]


def test_lines_are_names_and_weights():
    assert asked.named("a.safetensors: 0.5\n\n b : -1 \nc\nd:1/4") == [
        ("a.safetensors", 0.5), ("b", -1.0), ("c", 1.0), ("d", 0.25),
    ]  # fmt: skip
    for wrong in ("a: much", ": 1", "a: 1/0", "a: nan"):
        with pytest.raises(AthanorError, match="not of the form name: weight"):
            asked.named(wrong)


def test_patterns_mean_all_files_that_fit():
    assert asked.matched([("my_lora-*", 0.5), ("x", 1.0)], KNOWN) == [(KNOWN[0], 0.5), (KNOWN[1], 0.5), ("x", 1.0)]
    assert asked.matched([("SUB/*", 1.0), ("odd[1]*", 2.0)], KNOWN) == [(KNOWN[2], 1.0), (KNOWN[3], 2.0)]
    with pytest.raises(AthanorError, match="no LoRA fits the pattern"):
        asked.matched([("his-*", 1.0)], KNOWN)


def test_files_of_weight_0_are_left_out():
    (one,) = asked.sources([("a", 0.0), ("b", 2.0)], Path)
    assert (one.name, one.weight) == ("b", 2.0)
    with pytest.raises(AthanorError, match="lora_name is none"):
        asked.sources([("a", 0.0)], Path)
    with pytest.raises(AthanorError, match="64 are possible"):
        asked.sources([("a", 1.0)] * 65, Path)


def test_rules_of_ranks():
    assert asked.rule(0, 0, "fixed", 0.9) is None
    assert asked.rule(8, 4, "fixed", 0.9) == RankRule(rank=8, conv_rank=4)
    assert asked.rule(0, 4, "fixed", 0.9).rank > 4096
    assert asked.rule(0, 0, "sv_fro", 0.9).method == "sv_fro"
    with pytest.raises(AthanorError, match="a ratio above 1"):
        asked.rule(8, 0, "sv_ratio", 0.9)
    with pytest.raises(AthanorError, match="a share of at most 1"):
        asked.rule(8, 0, "sv_fro", 2.0)
