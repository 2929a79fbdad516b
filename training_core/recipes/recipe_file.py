"""A recipe's own file -> what the readers take; of a LoRA file its header alone is read."""

from __future__ import annotations

from pathlib import Path

from ..errors import AthanorError
from ..files import file_errors, is_file
from .document import LARGEST, Document

_LENGTH = 8  # bytes of the number in front of a safetensors file's header


def document_of(path: Path) -> Document:
    """Return a file as a document.

    Raises:
        AthanorError: there is no such file, it cannot be read, or it is too large for a recipe.
    """
    if not is_file(path):
        raise AthanorError(f"There is no file {path.name}: choose the file of a recipe, or paste its text.")
    with file_errors(path, "read"), path.open("rb") as file:
        if path.suffix.lower() != ".safetensors":
            return Document(name=path.name, data=file.read(LARGEST + 1))
        start = file.read(_LENGTH)
        header = file.read(min(int.from_bytes(start, "little"), LARGEST + 1))
    return Document(name=path.name, data=start + header)
