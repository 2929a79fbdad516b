"""What a page hears of a server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import aiohttp
from host import Host


@contextlib.contextmanager
def listening(server: Host, client: str) -> Iterator[list[aiohttp.WSMessage]]:
    """The messages to a page with that id, as they come; it is connected when the block begins, and no more when it ends."""
    heard: list[aiohttp.WSMessage] = []
    connected, loop = threading.Event(), asyncio.new_event_loop()

    async def listen() -> None:
        address = f"{server.url.replace('http', 'ws')}/ws?clientId={client}"
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            connected.set()
            async for message in socket:
                heard.append(message)

    task = loop.create_task(listen())

    def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert connected.wait(60)
    try:
        yield heard
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(60)
