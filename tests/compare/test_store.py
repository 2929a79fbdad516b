"""What a comparison takes from earlier ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fuzz
import pytest
from athanor.training_core.compare.plan_file import read_whole_plan
from athanor.training_core.compare.store import PictureStore, failures, known_seeds, speeds
from athanor.training_core.errors import AthanorError
from PIL import Image


def planned(root: Path, name: str, age: int, text: str) -> None:
    """A comparison's folder whose plan was written `age` seconds ago."""
    folder = root / name
    folder.mkdir()
    (folder / "plan.json").write_text(text, encoding="utf-8")
    time = 1_700_000_000 - age
    os.utime(folder / "plan.json", (time, time))


def test_random_seeds_are_those_of_the_same_model_drawn_last(tmp_path):
    """Another model's random seeds are its own; of two comparisons with this model the newer one counts."""
    planned(tmp_path, "old", 30, json.dumps({"family": "this", "seeds": {"0": 10, "1": 11, "2": 12}}))
    planned(tmp_path, "new", 20, json.dumps({"family": "this", "seeds": {"0": 20}}))
    planned(tmp_path, "other", 10, json.dumps({"family": "other", "seeds": {"0": 30, "3": 33}}))
    planned(tmp_path, "cut", 5, '{"family": "this", "see')
    planned(tmp_path, "without", 0, json.dumps({"family": "this"}))
    assert known_seeds(tmp_path, "this") == {0: 20, 1: 11, 2: 12}
    assert known_seeds(tmp_path, "other") == {0: 30, 3: 33}
    assert known_seeds(tmp_path, "third") == known_seeds(tmp_path / "nothing", "this") == {}


KEYS = ["a" * 24, "b" * 24]
PLAN = {
    "title": "cat",
    "axes": [{"title": "steps", "common": "", "values": ["1", "2"], "names": ["1", "2"]}],
    "cells": KEYS,
    "order": KEYS,
    "sizes": {key: [64, 64] for key in KEYS},
    "parameters": dict.fromkeys(KEYS, "a cat"),
    "loras": {},
    "seeds": {"0": 7},
    "family": "f",
}


def test_a_damaged_plan_is_one_sentence_and_is_written_anew(tmp_path):
    """plan.json was a KeyError in the viewer, and stayed broken, since one that is there was never written again."""
    store = PictureStore(tmp_path / "c")
    store.write_plan(PLAN)
    path, sound = tmp_path / "c" / "plan.json", json.loads((tmp_path / "c" / "plan.json").read_text())
    assert read_whole_plan(path.parent) == sound == PLAN
    bad = {
        "cells": ["../../x"] * 2, "order": 3, "sizes": {KEYS[0]: [64, 64]}, "axes": [{"title": 1}], "seeds": {"x": 1},
        "parameters": [], "family": {}, "title": None, "loras": {"a": 1},
    }  # fmt: skip
    texts = [json.dumps(PLAN | {name: value}) for name, value in bad.items()]
    texts += [json.dumps({n: v for n, v in PLAN.items() if n != name}) for name in ("cells", "axes", "sizes")]
    for text in (*texts, "", "[]", "3", "[" * 100_000, "\0", '{"title": "c'):
        path.write_text(text)
        with pytest.raises(AthanorError, match="run XYZ Compare again") as found:
            read_whole_plan(path.parent)
        fuzz.check_message(str(found.value))
        known_seeds(tmp_path, "f")
        store.write_plan(PLAN)
        assert read_whole_plan(path.parent) == PLAN


def test_lines_of_cells_that_are_none(tmp_path):
    store = PictureStore(tmp_path / "c")
    store.write_plan(PLAN)
    store.log_cell("a", error="no memory")
    store.log_cell("b", status="done", model="m", seconds=2.0, work=4.0, bytes=100, pixels=50)
    with (tmp_path / "c" / "cells.jsonl").open("a") as file:
        file.write('{"error": "x"}\n{"cell": [], "error": 3}\n{"status": "done", "model": "m", "work": "1"}\n')
        file.write('{"status": "done", "model": "m", "seconds": null, "work": 1, "bytes": 1, "pixels": 0}\n')
    assert failures(tmp_path / "c") == {"a": "no memory"} and speeds(tmp_path, "m") == (0.5, 2.0)


def test_a_picture_that_is_cut_is_drawn_again(tmp_path):
    """It counted as drawn: the grid said "not drawn yet", and queueing again drew nothing."""
    here, there = PictureStore(tmp_path / "here"), PictureStore(tmp_path / "there")
    for store, key in ((here, "a"), (there, "b"), (there, "c")):
        store.path(key).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(store.path(key))
    assert here.available("abcd") == {"a", "b", "c"}
    for path in (here.path("a"), there.path("b")):
        path.write_bytes(path.read_bytes()[:-20])
    here.path("d").write_bytes(b"")
    assert here.available("abcd") == {"c"}
    here.take_over("abcd")
    assert here.available("abcd") == {"c"}
