"""From a caption on disk to the text of one training sample (pure)."""

from __future__ import annotations

from pathlib import Path

from ..errors import AthanorError
from ..randomness import keyed
from ..settings import DatasetSettings


def read(path: Path, extension: str) -> str | None:
    """The first line of the caption file beside picture `path`, or None if there is no file.

    Raises:
        AthanorError: the file is not UTF-8.
    """
    file = path.with_suffix(extension if extension.startswith(".") else f".{extension}")
    if not file.is_file():
        return None
    try:
        lines = file.read_text(encoding="utf-8-sig").strip().splitlines()
    except UnicodeDecodeError:
        raise AthanorError(f"{file.name}: the caption is not UTF-8 text; save it as UTF-8.") from None
    return lines[0].strip() if lines else ""


def final_text(caption: str, settings: DatasetSettings, rng: keyed) -> str:
    """The caption of one sample: tags after the first `keep_tokens` are shuffled if asked for.

    As sd-scripts: split on commas, stripped, empty tags kept, joined with ", "; untouched without shuffling.
    """
    if not settings.shuffle_caption:
        return caption
    tags = [tag.strip() for tag in caption.split(",")]
    fixed, flexible = tags[: settings.keep_tokens], tags[settings.keep_tokens :]
    rng.shuffle(flexible)
    return ", ".join(fixed + flexible)
