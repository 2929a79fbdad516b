"""A user's words about a run: kept in one file of their own, whatever it holds by now."""

from __future__ import annotations

import json

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import labels


def test_labels_are_changed_one_by_one(tmp_path):
    assert labels.read(tmp_path) == labels.NONE
    labels.change(tmp_path, {"label": "  my\n cat ", "rating": 4, "tags": ["keep", " two  words ", "keep", "a,b", ""]})
    found = labels.change(tmp_path, {"note": "sharp eyes\n", "archived": True})
    assert found == labels.read(tmp_path)
    assert (found.label, found.note, found.rating, found.archived) == ("my cat", "sharp eyes", 4, True)
    assert found.tags == ("keep", "two words", "a b")
    assert labels.change(tmp_path, {"label": "", "rating": 0, "tags": [], "note": "", "archived": False}) == labels.NONE


@pytest.mark.parametrize(
    "values",
    [
        {"label": 3}, {"label": "x" * 201}, {"note": None}, {"rating": 6}, {"rating": True}, {"rating": 1.5}, {"tags": "a"},
        {"tags": [1]}, {"tags": ["x" * 61]}, {"tags": [str(i) for i in range(51)]}, {"archived": 1}, {"run_id": "x"}, {"": 1},
    ],
)  # fmt: skip
def test_what_is_no_label_is_said_by_its_name(tmp_path, values):
    with pytest.raises(AthanorError, match=f"^'?{next(iter(values))}'? is "):
        labels.change(tmp_path, {"rating": 2, **values})
    assert labels.read(tmp_path) == labels.NONE


def test_of_a_damaged_file_what_is_sound_counts(tmp_path):
    path = tmp_path / labels.NAME
    for text, rating in (
        ('{"rating": 3, "tags": {}, "label": 5, "later": 1}', 3),
        ('{"rating": 3', 0),
        ("[]", 0),
        ("", 0),
    ):
        path.write_text(text)
        assert labels.read(tmp_path) == labels.Labels(rating=rating)
    labels.change(tmp_path, {"note": "new"})
    assert json.loads(path.read_text())["note"] == "new"
    path.unlink()
    path.mkdir()
    assert labels.read(tmp_path) == labels.NONE


def test_a_tag_is_added_once_and_where_there_is_room(tmp_path):
    labels.change(tmp_path, {"tags": ["mine"]})
    for _ in range(2):
        labels.add_tag(tmp_path, f"sweep of, {'x' * 99}")
    assert labels.read(tmp_path).tags == ("mine", f"sweep of {'x' * 51}")
    labels.change(tmp_path, {"tags": [str(i) for i in range(50)]})
    labels.add_tag(tmp_path, "one more")
    assert len(labels.read(tmp_path).tags) == 50
