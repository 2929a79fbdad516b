"""The pack's routes: answers in threads, what is wrong with a request, and what is never guessed by a browser."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace

import own_loop
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from athanor.training_core.errors import AthanorError
from host import PACK


@pytest.fixture
def http(comfy, monkeypatch):
    """nodes/http.py, whose routes go into a table of this test's own."""
    from athanor.nodes import http

    monkeypatch.setattr(http.PromptServer, "instance", SimpleNamespace(routes=web.RouteTableDef()), raising=False)
    return http


def asked(http, *requests):
    """Status, text (of a refusal its sentence) and headers of each (method, path, body, its type), all under way at once."""

    async def ask(client, method, path, body, kind=None):
        sent = {"json": body} if isinstance(body, dict) else {"data": body}
        async with client.request(method, path, **sent, **({"headers": {"Content-Type": kind}} if kind else {})) as got:
            text = await got.text()
            return got.status, json.loads(text)["error"] if got.status >= 400 and text else text, got.headers

    return served(http, lambda client: asyncio.gather(*(ask(client, *request) for request in requests)))


def served(http, work):
    """What `work` returns, a coroutine that is given a client of the routes."""

    async def session():
        app = web.Application()
        app.add_routes(http.PromptServer.instance.routes)
        async with TestClient(TestServer(app)) as client:
            return await work(client)

    return own_loop.run(session())


def test_an_answer_that_takes_long_holds_no_other_up(http):
    """The first waits for the second: on the event loop it would wait in vain."""
    came = threading.Event()
    http.get("/first", lambda request: came.wait(60))
    http.get("/second", lambda request: came.set())
    (status, text, headers), _ = asked(http, ("GET", "/first", None), ("GET", "/second", None))
    assert (status, text) == (200, "true") and headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_wrong_is_told(http):
    import folder_paths

    host = folder_paths.base_path

    def fail(request):
        raise AthanorError(f"{host}/a.json is full: the run is gone; train it again.")

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
        (422, "a.json is full: the run is gone; train it again."),
        (404, "there is no such run"),
        (400, "n must be a whole number of at most 7 digits"),
        (400, "n must be a whole number of at most 7 digits"),
        (200, '"a"'),
        (400, 'the body must be JSON: {"file": name}'),
        (413, "the body has 52 bytes; 40 is the most here"),
        (400, 'the body must be JSON: {"file": name}'),
        (200, "{}"),
    ]  # fmt: skip


def test_whatever_goes_wrong_is_json(http):
    """Faults and addresses that are none too: aiohttp's own answers are text."""
    http.get("/athanor/runs/{run}", lambda request: 1 / 0)
    http.post("/athanor/runs/{run}/stop", lambda request, body: body)
    http.post("/athanor/long", lambda request, body: body, {"file": str})
    http.anything_else("/athanor")
    answers = asked(
        http,
        ("GET", "/athanor/runs/x", None),
        ("GET", "/athanor/runs/x/stop", None),
        ("HEAD", "/athanor/runs/x", None),
        ("DELETE", "/athanor/runs/x", None),
        ("GET", "/athanor/runs/x/none/of/these", None),
        ("POST", "/athanor/", None),
        ("POST", "/athanor/long", b"x" * 2_000_000),
    )
    assert [answer[:2] for answer in answers] == [
        (500, "the request failed (ZeroDivisionError): ComfyUI's log tells where"),
        (405, "this address takes POST, not GET"),
        (500, ""),
        (405, "this address takes GET and HEAD, not DELETE"),
        *2 * [(404, "there is nothing at this address")],
        (413, "the body is longer than ComfyUI takes (--max-upload-size)"),
    ]
    assert answers[1][2]["Allow"] == "POST" and all("json" in each[2]["Content-Type"] for each in answers)


def test_files_that_cannot_be_sent_are_refused_in_json(http, tmp_path):
    """aiohttp's own refusals (a broken range, another file than asked for, one that has vanished) are empty."""
    (tmp_path / "a").write_bytes(b"0123456789")
    at = {"Content-Type": "image/png", "Content-Disposition": "attachment"}
    http.get("/files/{name}", lambda request: http.stored(tmp_path / request.match_info["name"], at))

    async def ask(client):
        found = []
        for method, name, asked_for in (
            ("GET", "a", {"Range": "bytes=2-4"}),
            ("GET", "a", {"Range": "bytes=a-b"}),
            ("HEAD", "a", {"Range": "bytes=10-"}),
            ("GET", "a", {"If-Match": '"b"'}),
            ("GET", "gone", {}),
            ("GET", "a", {}),  # the connection serves on
        ):
            async with client.request(method, f"/files/{name}", headers=asked_for) as got:
                found.append((got.status, await got.text(), got.headers))
        return found

    answers = served(http, ask)
    told = [(status, json.loads(text)["error"] if status >= 400 and text else text) for status, text, _ in answers]
    assert told == [
        (206, "234"),
        (
            416,
            "Range is 'bytes=a-b', but the file has 10 bytes: ask for bytes=FIRST-LAST, counted from 0, or leave it out",
        ),
        (416, ""),
        (412, "the file has changed: it is not the one that If-Match or If-Unmodified-Since asks for"),
        (404, "there is no such file"),
        (200, "0123456789"),
    ]
    assert answers[1][2]["Content-Range"] == "bytes */10"
    for status, _, headers in answers:
        assert "json" in headers["Content-Type"] if status >= 400 else headers["Content-Type"] == "image/png"
        assert ("Content-Disposition" in headers) == (status < 400) and headers["X-Content-Type-Options"] == "nosniff"


def test_every_file_is_sent_by_one_function():
    """Another FileResponse would refuse without a sentence."""
    nodes = PACK / "nodes"
    assert [path.name for path in nodes.glob("*.py") if "web.FileResponse" in path.read_text()] == ["http.py"]


def test_bodies_and_answers_that_json_cannot_hold(http):
    """Nested without end, half characters: 400; numbers that are none: null; names that are no UTF-8: replaced."""

    def fail(request):
        raise AthanorError("\udcff.png cannot be read.")

    http.post("/named", lambda request, body: body["file"], {"file": str}, example="{}")
    http.get("/numbers", lambda request: {"loss": float("nan"), "name": "\udcff"})
    http.get("/error", fail)
    deep = b'{"file": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    answers = asked(
        http,
        ("POST", "/named", deep, "application/json"),
        ("POST", "/named", b'{"file": "a\\ud800"}', "application/json"),
        ("POST", "/named", b'{"file": "\\ud83d\\ude00"}', "application/json"),
        ("GET", "/numbers", None),
        ("GET", "/error", None),
    )
    assert [answer[:2] for answer in answers] == [
        (400, "the body must be JSON: {}"),
        (400, "the body holds half a character (a lone surrogate): type the text anew"),
        (200, r'"\ud83d\ude00"'),
        (200, r'{"loss": null, "name": "\udcff"}'),
        (422, "\ufffd.png cannot be read."),
    ]


def test_a_body_is_read_in_a_thread(http, monkeypatch):
    """A body of 100 MB took a second of the host's event loop."""
    threads = []
    monkeypatch.setattr(http, "parse_json", lambda data: threads.append(threading.current_thread()) or {"file": "a"})
    http.post("/named", lambda request, body: threading.current_thread() is threads[0], {"file": str})
    assert asked(http, ("POST", "/named", {"file": "a"}))[0][1] == "true"


def test_graphs_of_any_length(http):
    """A chain of 5,000 nodes was a RecursionError, and so status 500."""
    from athanor.nodes import graph_datasets, shown
    from athanor.training_core.compare import upstream

    chain = {
        f"{i}": {"class_type": "AthanorDatasetDoctor", "inputs": {"dataset": [f"{i + 1}", 0], "n": 10**400}}
        for i in range(5000)
    }
    assert len(graph_datasets.digest(chain, "0")) == 64
    with pytest.raises(AthanorError, match="is not connected"):
        shown.view(chain, "0")
    with pytest.raises(AthanorError, match="The graph has a loop"):
        shown.view(chain | {"4999": {"class_type": "AthanorDatasetDoctor", "inputs": {"dataset": ["7", 0]}}}, "0")
    assert upstream.changed(chain, [["0", 0]], {"4999"}) == [f"{i}" for i in reversed(range(5000))]
