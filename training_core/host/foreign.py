"""Exceptions of code of others (a model, ComfyUI, torch, a node pack): each as one sentence that says where it happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import AthanorError, ForeignFault, shortened
from . import devices

IN_THE_LOG = "The whole error is in the log."

_LOST = ("cuda error", "hip error", "device-side assert")
"""Words of errors after which a GPU answers nothing any more in this process."""
_FULL = ("can't allocate memory", "cannot allocate memory")
"""Words of errors by which torch tells that the computer's own memory is full; Python has MemoryError."""


def in_words(error: Exception) -> str:
    """Return an error's kind and the first line of its text, of at most 150 characters: 'AssertionError: (32, 16)'."""
    if isinstance(error, AthanorError):
        return str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {shortened(lines[0], 150)}" if lines else type(error).__name__


def sentence(what: str, error: Exception, advice: str) -> str:
    """Return what failed, why in the error's own words, and what to do: '<what> (<error>): <advice>.'"""
    text = str(error).lower()
    if any(words in text for words in _LOST):
        advice = "restart ComfyUI, since the GPU answers nothing any more"
    elif isinstance(error, MemoryError) or any(words in text for words in _FULL):
        advice = "the computer's memory is full: close other programs, or lower width, height and batch_size"
    return f"{what} ({in_words(error)}): {advice}. {IN_THE_LOG}"


@contextmanager
def telling(what: Callable[[], str], advice: str) -> Iterator[None]:
    """Inside, an exception of foreign code becomes one sentence; sentences of the pack, and whatever is handled elsewhere, pass:
    errors of files, and those of full memory.

    Args:
        what: returns what failed, and on what: 'The VAE cannot encode cat.png (512x512)'.
        advice: what a user can do about it.

    Raises:
        ForeignFault: with the exception as its cause, whose traceback the host writes into its log.
    """
    try:
        yield
    except (AthanorError, OSError):
        raise
    except Exception as error:
        if devices.is_out_of_memory(error):
            raise
        raise ForeignFault(sentence(what(), error, advice)) from error
