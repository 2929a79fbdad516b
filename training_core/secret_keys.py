"""Keys and tokens that people forget in what they pass on: none is shown, and no shared file holds one."""

from __future__ import annotations

import re

HIDDEN = "(not shown)"
_NAME = r"api_?key|password|secret|key_file|\b(?:hf|huggingface|hub|auth|access|civitai)[_ -]?token"
_NAMES = re.compile(_NAME.replace(r"\b", "(?:^|[_. -])"), re.IGNORECASE)
_KEYS = re.compile(
    r"\b(?:hf_|sk-|r8_)[A-Za-z0-9_-]{20,}"
    rf"|(?P<before>(?:{_NAME}|wandb login|--token)[\\\"']{{0,2}}[ =:]{{1,3}}[\\\"']{{0,2}})(?P<key>(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{{16,}})",
    re.IGNORECASE,
)
"""Keys by their shape, and by what stands before them."""


def is_secret(name: str) -> bool:
    """Return whether a setting's name tells that its value is a key or a password."""
    return _NAMES.search(name) is not None


def without_keys(text: str) -> str:
    """Return a text without the keys in it, as Hugging Face, Weights & Biases and others give them."""
    return _KEYS.sub(lambda match: (match["before"] or "") + HIDDEN, text)
