"""Vectors that another pack has made of pictures, faces, say: compared as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..errors import AthanorError

_MOST = 100_000  # vectors of one input


def read(value: Any, name: str) -> list[np.ndarray]:
    """Return the vectors of each picture as (m, d) float32 of length 1; a picture in which nothing was found has m = 0.

    Args:
        value: a list with an entry for each picture: a vector, a list of vectors, or None; or a tensor of two or three dimensions.
        name: of the input, for messages.

    Raises:
        AthanorError: it is something else, or the vectors are of several lengths.
    """
    entries = list(value) if isinstance(value, (list, tuple)) else None
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim > 1:
        entries = list(value)
    if entries is None or len(entries) > _MOST:
        raise AthanorError(f"{name} takes a list with one vector, or a list of vectors, for each picture.")
    found = [_rows(entry, name) for entry in entries]
    widths = {rows.shape[1] for rows in found if len(rows)}
    if len(widths) > 1:
        raise AthanorError(
            f"{name} holds vectors of several lengths ({', '.join(map(str, sorted(widths)))}): they must be of one model."
        )
    return found


def is_vector(value: Any) -> bool:
    """Return whether a value is one vector, and no list of them: of one dimension, or a list of numbers."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return value.ndim == 1
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(each, (int, float)) for each in value)


def check_alike(mine: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> None:
    """Check that vectors of pictures and of reference pictures can be compared; see `read`.

    Raises:
        AthanorError: there is no reference vector, or they have another length.
    """
    own, others = ({rows.shape[1] for rows in each if len(rows)} for each in (mine, references))
    if not others:
        raise AthanorError("reference_vectors holds no vector: nothing was found in any of the training pictures.")
    if own and own != others:
        raise AthanorError(
            f"vectors are {own.pop()} numbers long and reference_vectors {others.pop()}: make both with the same model."
        )


def likeness(mine: np.ndarray, references: Sequence[np.ndarray], k: int) -> float | None:
    """Return how near the nearest of a picture's vectors is to reference vectors, the mean of the `k` nearest; None if there are none.

    Args:
        mine: (m, d), of one picture.
        references: (m, d) of each reference picture, see `read`.
    """
    rows = [each for each in references if len(each)]
    if not len(mine) or not rows:
        return None
    near = (np.concatenate(rows) @ mine.T).max(1)
    return float(np.sort(near)[::-1][:k].mean())


def _rows(entry: Any, name: str) -> np.ndarray:
    if entry is None:
        return np.zeros((0, 0), np.float32)
    try:
        tensor = (
            entry.detach().float().cpu().numpy() if isinstance(entry, torch.Tensor) else np.asarray(entry, np.float32)
        )
    except (TypeError, ValueError):
        raise AthanorError(f"{name} holds something that is no vector of numbers.") from None
    rows = tensor.reshape(1, -1) if tensor.ndim == 1 and tensor.size else tensor
    if not rows.size:
        return np.zeros((0, 0), np.float32)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise AthanorError(f"{name} takes vectors of finite numbers, one or several for each picture.")
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
