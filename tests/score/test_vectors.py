"""Vectors of other packs: whatever comes is read, or refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.score import vectors


def test_vectors_come_in_many_forms():
    for value in (
        torch.eye(3),
        np.eye(3),
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [torch.eye(3)[0], np.eye(3)[1], [0, 0, 5]],
    ):
        assert [rows.tolist() for rows in vectors.read(value, "vectors")] == [[row] for row in np.eye(3).tolist()]
    faces = vectors.read([[[1, 0], [0, 2]], None, [], torch.ones(1, 2)], "vectors")
    assert [len(rows) for rows in faces] == [2, 0, 0, 1]


def test_the_nearest_face_of_a_picture_counts():
    references = vectors.read([[1, 0], [0.8, 0.6], None], "reference_vectors")
    mine, nobody = vectors.read([[[0, 1], [1, 0]], None], "vectors")
    assert vectors.likeness(mine, references, 1) == pytest.approx(1.0)
    assert vectors.likeness(mine, references, 2) == pytest.approx(0.9)
    assert vectors.likeness(nobody, references, 1) is None and vectors.likeness(mine, [], 1) is None


BAD = [5, "text", {"a": 1}, [["a"]], [[float("nan"), 1]], [[[[1]]]], [[1, 2], [1, 2, 3]], torch.ones(3), [object()]]


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_vector_is_refused(bad):
    with pytest.raises(AthanorError, match=r"^vectors (takes|holds)"):
        vectors.read(bad, "vectors")
