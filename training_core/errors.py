"""The one exception that users meet: a sentence that names the field or file and what to do."""

from __future__ import annotations


class AthanorError(ValueError):
    """An input or state that the pack cannot work with; the message is one sentence that users read in ComfyUI."""


def quoted(text: object, most: int = 60) -> str:
    """Return in quotes what a user typed, for a message: on one line, and its middle left out above `most` characters."""
    return f"'{shortened(text, most)}'"


def shortened(text: object, most: int = 60) -> str:
    """Return a text on one line, its middle left out above `most` characters; signs that cannot be shown are replaced."""
    text = str(text)
    if len(text) > most:
        head = most * 2 // 3
        text = f"{text[:head]} … {text[head + 3 - most :]}"
    return "".join(c if c.isprintable() else " " if c.isspace() or c < " " else "\ufffd" for c in text)
