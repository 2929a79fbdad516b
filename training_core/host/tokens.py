"""How long a caption is for the CLIP of the graph."""

from __future__ import annotations

from typing import Any

from .text import escape

_START, _END, _CHUNK = 49406, 49407, 75


def count(clip: Any, caption: str, weighted: bool = False) -> int | None:
    """Return the CLIP tokens of a caption without start, end and padding; None if `clip` has no CLIP encoder (T5 only).

    Only the last of several chunks of 75 is counted, those before it are full: a word that does not fit into the
    rest of a chunk moves to the next, and max_token_length cuts between chunks.

    Args:
        weighted: brackets are emphasis, as in prompts.
    """
    longest = None
    for chunks in clip.tokenize(caption if weighted else escape(caption)).values():
        if chunks and chunks[0] and _is(chunks[0][0][0], _START):
            last = chunks[-1][1:]
            end = next((n for n, entry in enumerate(last) if _is(entry[0], _END)), len(last))
            longest = max(longest or 0, (len(chunks) - 1) * _CHUNK + end)
    return longest


def _is(token: Any, number: int) -> bool:
    """Return whether a token is this number; embeddings stand as tensors among the tokens."""
    return isinstance(token, int) and token == number
