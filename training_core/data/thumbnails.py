"""Make small JPEGs of a dataset's pictures when a page asks for them, and keep them on disk."""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path

from ..errors import AthanorError
from ..files import write_atomically
from .dataset import Dataset, Picture
from .doctor.measure import PixelSource, load, source_of


class Thumbnails:
    """A folder of thumbnails, named by hashes of the picture's path, size and time, its background and the thumbnail's side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, dataset: Dataset, picture: Picture, side: int) -> bytes:
        """Return a picture as the bytes of an upright JPEG of at most `side` pixels.

        Raises:
            AthanorError: the picture file was deleted, or cannot be read.
        """
        try:
            return self._made(source_of(dataset, picture), side)
        except OSError:
            raise AthanorError(f"{picture.name} was deleted or cannot be read; load the dataset again.") from None

    def of_control(self, dataset: Dataset, picture: Picture, number: int, side: int) -> bytes:
        """Return a picture's control picture in the same way.

        Args:
            number: its place among them, from 0 on.

        Raises:
            AthanorError: its file was deleted, or cannot be read.
        """
        control = picture.controls[number]
        background = dataset.subsets[picture.subset].alpha_background
        try:
            return self._made(PixelSource(control.content, background, control.path), side)
        except OSError:
            raise AthanorError(
                f"The control picture {control.path.name} was deleted or cannot be read; load the dataset again."
            ) from None

    def of_file(self, path: Path, side: int) -> bytes:
        """Return a picture file of no dataset in the same way.

        Raises:
            OSError: it was deleted, or cannot be read.
        """
        return self._made(PixelSource("", "white", path), side)

    def _made(self, source: PixelSource, side: int) -> bytes:
        stat = source.path.stat()
        identity = repr((str(source.path), stat.st_size, stat.st_mtime_ns, source.background, side))
        file = self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.jpg"
        if file.is_file():
            return file.read_bytes()
        image = load(source, side)
        image.thumbnail((side, side), reducing_gap=2.0)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=85)
        with contextlib.suppress(OSError):  # the disk is full: the thumbnail is made again next time
            write_atomically(file, lambda temporary: temporary.write_bytes(buffer.getvalue()), durable=False)
        return buffer.getvalue()
