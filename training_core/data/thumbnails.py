"""Small JPEGs of a dataset's pictures, made when they are asked for and kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path

from ..errors import AthanorError
from ..files import write_atomically
from . import decode
from .dataset import Dataset, Picture
from .doctor.measure import load, source_of


class Thumbnails:
    """Keeps what it has made in a folder, by file and the time of its last change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, dataset: Dataset, picture: Picture, side: int) -> bytes:
        """A picture as a JPEG of at most `side` pixels, upright.

        Raises:
            AthanorError: it is gone, or cannot be read.
        """
        source = source_of(dataset, picture)
        try:
            stat = source.path.stat()
            told = repr((str(source.path), stat.st_size, stat.st_mtime_ns, source.background, side))
            kept = self._folder / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.jpg"
            if kept.is_file():
                return kept.read_bytes()
            image = load(source, side)
            image.thumbnail((side, side), reducing_gap=2.0)
        except decode.UNREADABLE:
            raise AthanorError(f"{picture.name} is gone, or cannot be read.") from None
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=85)
        with contextlib.suppress(OSError):  # the disk is full: it is made again next time
            write_atomically(kept, lambda temporary: temporary.write_bytes(buffer.getvalue()), durable=False)
        return buffer.getvalue()
