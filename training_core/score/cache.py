"""What was measured is kept by content, one line a picture: output/athanor/scores/<scorer id>.jsonl."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ..files import append_line, make_folder, read_lines
from ..text_files import whole_characters


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureScore:
    """What was measured on one picture."""

    values: Mapping[str, float]  # "likeness", "mean", "held_out", "prompt", "vectors"; what was not measured is absent
    nearest: str  # name of the training picture that looks most like it
    nearest_value: float  # how near, mirrored or not; 1 is the same picture
    copy: bool
    whole: np.ndarray  # (d,) of length 1: what it shows, for how different several pictures are

    def as_json(self) -> dict[str, Any]:
        """Return what readers of scores take from it; see history/scores.py."""
        shown = {name: round(value, 4) for name, value in self.values.items()}
        return {**shown, "nearest": self.nearest, "nearest_value": round(self.nearest_value, 4), "copy": self.copy}


def picture_digest(pixels: np.ndarray) -> str:
    """Return a digest of a picture's pixels, (H, W, 3) uint8: of its content, whatever its file holds besides."""
    return hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()[:32]


def prompt_digest(prompt: str) -> str:
    """Return a digest of a prompt."""
    return hashlib.sha256(whole_characters(prompt).encode()).hexdigest()[:16]


class ScoreCache:
    """The lines of one scorer; whatever is broken in its file is measured again."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._known: dict[tuple[str, str], PictureScore] | None = None

    def get(self, picture: str, prompt: str) -> PictureScore | None:
        """Return what is known of a picture with a prompt, by their digests ('' for no prompt)."""
        with self._lock:
            if self._known is None:
                lines = (line for line in read_lines(self._path) if "picture" in line)
                self._known = {key: score for line in lines if (read := _read(line)) for key, score in [read]}
            return self._known.get((picture, prompt))

    def put(self, picture: str, prompt: str, score: PictureScore) -> None:
        """Keep a score; its line is on disk when this returns.

        Raises:
            FileError: the disk is full, or the folder cannot be written.
        """
        shown = {"nearest": score.nearest, "nearest_value": score.nearest_value, "copy": score.copy}
        whole = base64.b64encode(score.whole.astype(np.float16).tobytes()).decode()
        line = {"picture": picture, "prompt": prompt, "values": dict(score.values), **shown, "whole": whole}
        with self._lock:
            make_folder(self._path.parent)
            append_line(self._path, whole_characters(json.dumps(line, ensure_ascii=False)))
            if self._known is not None:
                self._known[picture, prompt] = score


def _read(line: Mapping[str, Any]) -> tuple[tuple[str, str], PictureScore] | None:
    """Return the key and the score of a line; None where anything of it is not as `put` writes it."""
    try:
        whole = np.frombuffer(base64.b64decode(line["whole"], validate=True), np.float16).astype(np.float32)
        values = {str(name): float(value) for name, value in line["values"].items()}
        near = float(line["nearest_value"])
        texts = (line["picture"], line["prompt"], line["nearest"])
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    numbers = np.array([*values.values(), near, *whole[:1]])
    if not all(isinstance(text, str) for text in texts) or not len(whole) or not np.isfinite(numbers).all():
        return None
    score = PictureScore(
        values=values, nearest=texts[2], nearest_value=near, copy=line.get("copy") is True, whole=whole
    )
    return (texts[0], texts[1]), score
