"""Which combinations a sweep has, and how their runs are called."""

from __future__ import annotations

import pytest
from athanor.training_core.compare.widgets import Widget
from athanor.training_core.errors import AthanorError
from athanor.training_core.sweep import budget, combinations, halving
from athanor.training_core.sweep.lines import Choice, Varied


def varied(name, *values, node="1", type_="INT"):
    widget = Widget(node=node, name=name, title="T", kinds=("T",), type=type_, value=0)
    return Varied(widget, tuple(Choice(str(value), value) for value in values))


GRID = [varied("learning_rate", "5e-5", "1e-4", type_="FLOAT"), varied("rank", 8, 16, 32)]


def test_a_grid_changes_its_first_line_least_often():
    found = combinations.chosen(GRID, None, 0)
    assert [each.suffix for each in found[:4]] == ["_lr5e-5_rank8", "_lr5e-5_rank16", "_lr5e-5_rank32", "_lr1e-4_rank8"]
    assert found[0].label == "learning_rate 5e-5, rank 8" and found[0].values == ("5e-5", "8")
    assert [(edit.name, edit.value) for edit in found[5].edits] == [("learning_rate", "1e-4"), ("rank", 32)]


def test_names_are_short_and_no_two_are_the_same():
    many = [
        varied("seed", 1),
        varied("dora", True, False, type_="BOOLEAN"),
        varied("optimizer_args", "a b/c.d", "a b:c.d", type_="STRING"),
    ]
    assert [each.suffix for each in combinations.chosen(many, None, 0)] == [
        "_dora_optimizer_args-a-b-c_d_1",  # one value of seed tells nothing
        "_dora_optimizer_args-a-b-c_d_2",
        "_no_dora_optimizer_args-a-b-c_d_3",
        "_no_dora_optimizer_args-a-b-c_d_4",
    ]
    numbered = [varied("optimizer_args", "a b", "a:b", "a-b_2", type_="STRING")]  # the second had got the third's name
    assert len({each.suffix for each in combinations.chosen(numbered, None, 0)}) == 3
    twice = [varied("rank", 8, node="12"), varied("rank", 4, 8, node="5:3")]
    (first, _) = combinations.chosen(twice, None, 0)
    assert (first.suffix, first.label) == ("_rank5-3-4", "5:3.rank 4")
    assert combinations.chosen([varied("rank", 8)], None, 0)[0].suffix == "_rank8"
    many = [varied(f"gradient_accumulation_{i}", 1, 2) for i in range(8)]  # too long for a file's name
    suffixes = {each.suffix for each in combinations.chosen(many, None, 0)}
    assert len(suffixes) == 256 and max(map(len, suffixes)) < 130


def test_random_draws_by_the_seed_and_more_of_the_same():
    whole = [varied(f"a{i}", *range(10)) for i in range(6)]
    some = [each.number for each in combinations.chosen(whole, 5, 3)]
    assert some == sorted(some) and len(set(some)) == 5 == len(
        [each for each in combinations.chosen(whole, 5, 3) if each.number in some]
    )
    assert set(some) <= {each.number for each in combinations.chosen(whole, 9, 3)}
    assert [each.number for each in combinations.chosen(whole, 5, 4)] != some
    assert len(combinations.chosen(GRID, 99, 0)) == 6
    with pytest.raises(AthanorError, match="1000000 combinations"):
        combinations.chosen(whole, None, 0)


def test_a_budget_draws_what_fits():
    costs = [10.0] * 6
    kept = budget.fitting(costs, 35, 0)
    assert len(kept) == 3 and kept == sorted(kept) == budget.fitting(costs, 35, 0)
    assert budget.fitting(costs, 0, 0) == budget.fitting(costs, 60, 0) == list(range(6))
    assert budget.fitting(costs, 5, 0) == []
    assert any(budget.fitting(costs, 35, seed) != kept for seed in range(1, 9))


def test_what_was_chosen_stays_chosen(tmp_path):
    """In minutes, what fits follows from a speed that is another one when the sweep is queued again."""
    runs = ["a", "b", "c"]
    assert budget.noted(tmp_path, runs, "10 minutes 0") is None
    budget.note(tmp_path, runs, "10 minutes 0", ["c", "a"])
    assert budget.noted(tmp_path, ["b", "a", "c"], "10 minutes 0") == ["c", "a"]
    assert budget.noted(tmp_path, runs, "20 minutes 0") is budget.noted(tmp_path, ["a", "b"], "10 minutes 0") is None
    (next(tmp_path.glob("*.json"))).write_text('[[1], {}, "zz"]', encoding="utf-8")
    assert budget.noted(tmp_path, runs, "10 minutes 0") is None


def test_what_is_said_before_it_starts():
    assert budget.announcement([600] * 12, [650.0] * 12, 0, 0) == (
        "12 runs of 600 steps, 7200 in all; about 2 h 10 min by the speed of earlier runs"
    )
    told = budget.announcement([600, 300], None, 1, 4)
    assert told.startswith(
        "2 runs of 300 to 600 steps, 900 in all; how long is known after the first; 1 run finished before and used again; 4 comb"
    )
    assert budget.announcement([], None, 3, 0) == "nothing is left to train; 3 runs finished before and used again"


def test_halving_keeps_the_better_half():
    assert [halving.rungs(n) for n in (1, 2, 3, 4, 6, 40)] == [[], [0.5], [0.5], [0.25, 0.5], [0.25, 0.5], [0.25, 0.5]]
    looks = {
        name: [(0, 100.0), (10, best + 1), (20, best)]
        for name, best in (("a", 93), ("b", 90), ("c", 95), ("d", 91), ("e", 99))
    }
    assert halving.survivors(looks, "abcde") == ["a", "b", "d"]
    assert halving.survivors({"c": looks["c"]}, "abcde") == ["c"] and halving.survivors({}, "ab") == []
    assert halving.reached(looks["a"], 10) == looks["a"][:2] and halving.reached(looks["a"], 11) == looks["a"]
    assert halving.reached(looks["a"], 21) is None and halving.step_of(0.25, 10) == 3
