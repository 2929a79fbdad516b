"""What a comparison takes from earlier ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

from athanor.training_core.compare.store import known_seeds


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
