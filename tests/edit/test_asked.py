"""What the widgets of LoRA Edit mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from athanor.training_core.edit import asked
from athanor.training_core.edit.asked import Named
from athanor.training_core.edit.svd import RankRule
from athanor.training_core.errors import AthanorError

KNOWN = ["my_lora-000001.safetensors", "my_lora-000002.safetensors", "sub/other.safetensors", "odd[1].safetensors"]


def test_lines_are_names_and_weights():
    assert asked.named("a.safetensors: 0.5\n\n b : -1 \nc\nd:1/4") == [
        ("a.safetensors", 0.5, ""), ("b", -1.0, ""), ("c", 1.0, ""), ("d", 0.25, ""),
    ]  # fmt: skip
    assert asked.named("a: 0.5; out, mid 0.50\nx;y: 2\nz；：1") == [
        ("a", 0.5, "out, MID 0.5"), ("x;y", 2.0, ""), ("z；", 1.0, ""),
    ]  # fmt: skip
    with pytest.raises(AthanorError, match="more_loras: 'zzz 9 9'"):
        asked.named("a: 1; zzz 9 9")
    for wrong in ("a: much", ": 1", "a: 1/0", "a: nan"):
        with pytest.raises(AthanorError, match="not of the form name: weight"):
            asked.named(wrong)


def test_patterns_mean_all_files_that_fit():
    found = asked.matched([Named("my_lora-*", 0.5, "out"), Named("x")], KNOWN)
    assert found == [(KNOWN[0], 0.5, "out"), (KNOWN[1], 0.5, "out"), ("x", 1.0, "")]
    found = asked.matched([Named("SUB/*"), Named("odd[1]*", 2.0)], KNOWN)
    assert found == [(KNOWN[2], 1.0, ""), (KNOWN[3], 2.0, "")]
    with pytest.raises(AthanorError, match="no LoRA fits the pattern"):
        asked.matched([Named("his-*")], KNOWN)


def test_files_of_weight_0_are_left_out():
    (one,) = asked.sources([Named("a", 0.0), Named("b", 2.0, "out")], Path)
    assert (one.name, one.weight, one.blocks) == ("b", 2.0, "out")
    with pytest.raises(AthanorError, match="lora_name is none"):
        asked.sources([Named("a", 0.0)], Path)
    with pytest.raises(AthanorError, match="64 are possible"):
        asked.sources([Named("a")] * 65, Path)


def test_rules_of_ranks():
    assert asked.rule(0, 0, "fixed", 0.9) is None
    assert asked.rule(8, 4, "fixed", 0.9) == RankRule(rank=8, conv_rank=4)
    assert asked.rule(0, 4, "fixed", 0.9).rank > 4096
    assert asked.rule(0, 0, "sv_fro", 0.9).method == "sv_fro"
    with pytest.raises(AthanorError, match="a ratio above 1"):
        asked.rule(8, 0, "sv_ratio", 0.9)
    with pytest.raises(AthanorError, match="a share of at most 1"):
        asked.rule(8, 0, "sv_fro", 2.0)
