"""The pack's routes: answers in threads, what is wrong with a request, and what is never guessed by a browser."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import own_loop
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from athanor.training_core.errors import AthanorError


@pytest.fixture
def http(comfy, monkeypatch):
    """nodes/http.py, whose routes go into a table of this test's own."""
    from athanor.nodes import http

    monkeypatch.setattr(http.PromptServer, "instance", SimpleNamespace(routes=web.RouteTableDef()), raising=False)
    return http


def asked(http, *requests):
    """Status, text and headers of each (method, path, body), all under way at once."""

    async def ask(client, method, path, body):
        async with client.request(
            method, path, **({"json": body} if isinstance(body, dict) else {"data": body})
        ) as got:
            return got.status, await got.text(), got.headers

    async def session():
        app = web.Application()
        app.add_routes(http.PromptServer.instance.routes)
        async with TestClient(TestServer(app)) as client:
            return await asyncio.gather(*(ask(client, *request) for request in requests))

    return own_loop.run(session())


def test_an_answer_that_takes_long_holds_no_other_up(http):
    """The first waits for the second: on the event loop it would wait in vain."""
    came = threading.Event()
    http.get("/first", lambda request: came.wait(20))
    http.get("/second", lambda request: came.set())
    (status, text, headers), _ = asked(http, ("GET", "/first", None), ("GET", "/second", None))
    assert (status, text) == (200, "true") and headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_wrong_is_told(http):
    def fail(request):
        raise AthanorError("the run is gone; train it again.")

    def miss(request):
        http.number(request, "n", 3)
        raise http.missing("run")

    http.get("/error", fail)
    http.get("/missing", miss)
    http.post("/named", lambda request, body: body["file"], {"file": str}, example='{"file": name}', longest=40)
    http.post("/bare", lambda request, body: body)
    assert [answer[:2] for answer in asked(
        http,
        ("GET", "/error", None),
        ("GET", "/missing", None),
        ("GET", "/missing?n=12345678", None),
        ("GET", "/missing?n=²", None),
        ("POST", "/named", {"file": "a"}),
        ("POST", "/named", {"file": 1}),
        ("POST", "/named", {"file": "a" * 40}),
        ("POST", "/named", b"{"),
        ("POST", "/bare", b"anything"),
    )] == [
        (422, "the run is gone; train it again."),
        (404, "there is no such run"),
        (400, "n must be a whole number of at most 7 digits"),
        (400, "n must be a whole number of at most 7 digits"),
        (200, '"a"'),
        *3 * [(400, 'the body must be JSON: {"file": name}')],
        (200, "{}"),
    ]  # fmt: skip
