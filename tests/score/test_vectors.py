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


def test_vectors_that_cannot_be_compared_are_told():
    """Of two models, or none in the training pictures: the score was missing without a word."""
    mine, others = vectors.read([[1, 0]], "vectors"), vectors.read([[1, 0, 0]], "reference_vectors")
    with pytest.raises(
        AthanorError, match="vectors are 2 numbers long and reference_vectors 3: make both with the same"
    ):
        vectors.check_alike(mine, others)
    with pytest.raises(AthanorError, match="reference_vectors holds no vector"):
        vectors.check_alike(mine, vectors.read([None, []], "reference_vectors"))
    vectors.check_alike(vectors.read([None], "vectors"), others)
    one = [torch.ones(3), np.ones(3), [1, 2.5]]
    assert all(vectors.is_vector(each) for each in one)
    assert not any(vectors.is_vector(each) for each in [*([each] for each in one), [], None, 5])


BAD = [5, "text", {"a": 1}, [["a"]], [[float("nan"), 1]], [[[[1]]]], [[1, 2], [1, 2, 3]], torch.ones(3), [object()]]


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_vector_is_refused(bad):
    with pytest.raises(AthanorError, match=r"^vectors (takes|holds)"):
        vectors.read(bad, "vectors")
