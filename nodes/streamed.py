"""Answers that are made while they are sent, for what may be longer than memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from aiohttp import web

from .http import NO_SNIFFING


def download(pieces: Iterator[bytes], kind: str) -> web.Response:
    """Return a response that a browser saves as a file.

    Args:
        pieces: of its body; each is made in a thread when the one before has been sent.
        kind: its Content-Type.
    """
    headers = {"Content-Type": kind, "Content-Disposition": "attachment", **NO_SNIFFING}
    return web.Response(body=_in_threads(pieces), headers=headers)


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece
