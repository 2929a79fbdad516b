"""Read captions from files, and make the text of one training sample from a caption as sd-scripts does."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..files import is_file
from ..settings import DatasetSettings
from ..text_files import lines, read_text
from . import names
from .tags import split

ONLY_FIRST = (
    "with a caption of several lines, of which only the first is trained; join the lines to train on all of them, or switch "
    "enable_wildcard on to draw one of them each time"
)
"""What warnings say of the pictures that `only_first_line` finds."""


class Random(Protocol):
    """The random choices that a caption needs; `keyed` and Python's `random.Random` both offer them."""

    def random(self) -> float:
        """Return a float in [0, 1)."""
        ...

    def shuffle(self, x: MutableSequence[Any], /) -> None:
        """Put the items into a random order, in place."""
        ...

    def choice(self, seq: Sequence[Any], /) -> Any:
        """Return one of the items, each as likely."""
        ...


def with_dot(extension: str) -> str:
    """Return an ending of files with its dot, which may be missing where it is written."""
    return extension if extension.startswith(".") else f".{extension}"


def caption_file(path: Path, extension: str) -> Path:
    """Return the path of the caption file of picture `path`; a missing dot in the extension is added.

    A face crop such as bob_10_20_30_40.png takes bob.txt where it has no file of its own (as in sd-scripts), and a name
    with accents meets the file whatever Unicode form the file system keeps it in.
    """
    extension = with_dot(extension)
    box = names.face_box(path.stem)
    stems = [path.stem, *([box[0]] if box and box[0] else [])]
    candidates = (path.with_name(name) for stem in stems for name in names.forms(stem + extension))
    return next((file for file in candidates if is_file(file)), path.with_suffix(extension))


def read(path: Path, extension: str) -> str | None:
    """Return the caption in the file beside picture `path`: its non-blank lines, stripped; None if there is no file.

    Raises:
        AthanorError: the file cannot be read as text (`text_files`); the message names it.
    """
    file = caption_file(path, extension)
    if not is_file(file):
        return None
    return stripped(read_text(file))


def stripped(text: str) -> str:
    """Return the caption in the text of a caption file: its lines without spaces around them, and without empty ones."""
    return "\n".join(line.strip() for line in lines(text) if line.strip())


def final_text(caption: str, settings: DatasetSettings, rng: Random, epoch: int, step: int, total_steps: int) -> str:
    """Return the text that one sample is trained on, following sd-scripts' process_caption step by step.

    In this order: prefix and suffix; dropout of the whole caption; one random line and its wildcards (or the first
    line); warmup, shuffling and dropout of tags; secondary separator. One difference: where sd-scripts leaves a literal
    keep_tokens_separator in the caption (nothing to shuffle), it is replaced by the caption separator.

    Args:
        caption: the raw text, lines separated by newlines.
        rng: draws in the order above, and only for what is switched on.
        epoch: counted from 1.
        step: optimizer steps done before this sample.
        total_steps: optimizer steps of the whole run; a token_warmup_step below 1 is a fraction of them.
    """
    if settings.caption_prefix:
        caption = f"{settings.caption_prefix} {caption}"
    if settings.caption_suffix:
        caption = f"{caption} {settings.caption_suffix}"
    if _dropped(settings, rng, epoch):
        return ""
    if settings.enable_wildcard:
        caption = wildcards(rng.choice(caption.split("\n")) if "\n" in caption else caption, rng)
    else:
        caption = caption.split("\n")[0]
    separator = settings.keep_tokens_separator
    if settings.shuffle_caption or settings.token_warmup_step > 0 or settings.caption_tag_dropout_rate > 0:
        caption = _tags(caption, settings, rng, step, total_steps)
    elif separator and separator in caption:
        parts = (part.strip(f" {settings.caption_separator}") for part in caption.split(separator))
        caption = f"{settings.caption_separator} ".join(part for part in parts if part)
    if settings.secondary_separator:
        caption = caption.replace(settings.secondary_separator, settings.caption_separator)
    return caption


def only_first_line(caption: str, settings: DatasetSettings) -> bool:
    """Whether a caption has further lines that are not trained, as enable_wildcard is off."""
    return not settings.enable_wildcard and "\n" in caption


def without_chance(settings: DatasetSettings) -> DatasetSettings:
    """Return the settings with shuffling, dropout and warmup of captions switched off."""
    return settings.model_copy(
        update={
            "shuffle_caption": False,
            "caption_dropout_rate": 0.0,
            "caption_dropout_every_n_epochs": 0,
            "caption_tag_dropout_rate": 0.0,
            "token_warmup_step": 0.0,
        }
    )


def _dropped(settings: DatasetSettings, rng: Random, epoch: int) -> bool:
    every = settings.caption_dropout_every_n_epochs
    drawn = settings.caption_dropout_rate > 0 and rng.random() < settings.caption_dropout_rate
    return drawn or (every > 0 and epoch % every == 0)


def wildcards(text: str, rng: Random) -> str:
    """Return the text with every `{a|b|c}` replaced by one of its choices; `{{` and `}}` become literal braces."""
    text = text.replace("{{", "\0").replace("}}", "\1")
    # Not r"\{([^}]+)\}": of a caption with many braces that nothing closes, it would look for the end from each of them.
    parts, at, opens = [], 0, text.find("{")
    while opens >= 0 and (closes := text.find("}", opens)) >= 0:
        if closes > opens + 1:
            parts += [text[at:opens], rng.choice(text[opens + 1 : closes].split("|"))]
            at = closes + 1
        opens = text.find("{", closes)
    return ("".join(parts) + text[at:]).replace("\0", "{").replace("\1", "}")


def _tags(caption: str, settings: DatasetSettings, rng: Random, step: int, total_steps: int) -> str:
    """Warm up, shuffle and drop the flexible tags of a caption; fixed ones (keep_tokens) stay in place.

    During warmup the first tags come first: their number grows with the steps from token_warmup_min to all. As in
    sd-scripts the result is joined with ', ' whatever the separator is.
    """
    comma, separator = settings.caption_separator, settings.keep_tokens_separator
    tail: list[str] = []
    if separator and separator in caption:
        parts = [split(part, comma) for part in caption.split(separator, 2)]
        fixed, flexible, tail = [*parts, []][:3]
    else:
        tags = [tag.strip() for tag in (caption.split(comma) if comma else [caption])]
        fixed, flexible = tags[: settings.keep_tokens], tags[settings.keep_tokens :]
    warmup = settings.token_warmup_step
    warmup = int(warmup * total_steps) if warmup < 1 else warmup
    if step < warmup:
        low = settings.token_warmup_min
        flexible = flexible[: int(step * (len(flexible) - low) / warmup) + low]
    if settings.shuffle_caption:
        rng.shuffle(flexible)
    if settings.caption_tag_dropout_rate > 0:
        flexible = [tag for tag in flexible if rng.random() >= settings.caption_tag_dropout_rate]
    return ", ".join(fixed + flexible + tail)
