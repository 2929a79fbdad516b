"""The pack's routes on the host's server: each answer is made in a thread, so that the host's event loop never waits."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from aiohttp import ClientError, web
from server import PromptServer

from ..training_core.byte_size import format_bytes
from ..training_core.errors import AthanorError, FileError, shortened
from ..training_core.files import file_errors
from ..training_core.host.redacted_paths import without_roots
from ..training_core.json_text import finite, parse_json
from ..training_core.leftovers import temporary_beside
from ..training_core.text_files import whole_characters

log = logging.getLogger("athanor")

NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
"""Header of every answer: a browser takes a file for what its Content-Type says, and never runs it as a script."""

Json = dict[str, Any]
_FILE = "application/octet-stream"
_PIECE = 1 << 20  # bytes of a file that are written at once
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def get(path: str, answer: Callable[[web.Request], Any], pool: Executor | None = None) -> None:
    """Answer GET requests for `path`.

    Args:
        answer: runs in a thread and returns a response, or what JSON can hold. aiohttp's HTTP exceptions become {"error": their
            text} with their status, an AthanorError the same with 422.
        pool: the threads it runs in; without one those of the event loop.
    """

    @PromptServer.instance.routes.get(path)
    async def _get(request: web.Request) -> web.StreamResponse:
        return await _response(lambda: answer(request), pool)


def post(
    path: str,
    answer: Callable[[web.Request, Json], Any],
    fields: Mapping[str, type] | None = None,
    *,
    example: str = "",
    longest: int = 0,
) -> None:
    """Answer POST requests for `path`; `answer` is as for get, and has the request's JSON object as well.

    Args:
        fields: names that the object must have, and the types of their values; without them no body is read.
        example: what a body looks like, for the sentence of status 400 about another one.
        longest: most bytes of a body; 0: as many as the host takes.
    """

    @PromptServer.instance.routes.post(path)
    async def _post(request: web.Request) -> web.StreamResponse:
        try:
            data = b"" if fields is None else await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            return _refusal(error.status, "the body is longer than ComfyUI takes (--max-upload-size)")

        def made() -> Any:
            body = {} if fields is None else _checked(request, data, fields, longest)
            if body is None:
                raise web.HTTPBadRequest(text=f"the body must be JSON: {example}")
            return answer(request, body)

        return await _response(made, None)


def receive(path: str, begin: Callable[[web.Request], tuple[Path, Callable[[Path], Any]]]) -> None:
    """Answer POST requests for `path` whose body is a file; it is written to a temporary file as it comes.

    The body is application/octet-stream, which pages of other sites cannot send without asking the server first.

    Args:
        begin: runs in a thread and returns the place that the file is meant for, whose folder it has made, and what makes the
            answer of the received file: that runs in a thread too, and moves the file to its place.
    """

    @PromptServer.instance.routes.post(path)
    async def _post(request: web.Request) -> web.StreamResponse:
        if request.content_type != _FILE:
            return _refusal(400, f"the body must be the file itself, its Content-Type {_FILE}")
        return await _told(_received(request, begin))


async def _received(
    request: web.Request, begin: Callable[[web.Request], tuple[Path, Callable[[Path], Any]]]
) -> web.StreamResponse:
    most = longest_file(request)
    if (request.content_length or 0) > most:
        raise _too_long(most)
    try:
        target, answer = await asyncio.to_thread(begin, request)
        with temporary_beside(target) as temporary:
            await _written(request, temporary, target, most)
            return await asyncio.to_thread(lambda: _made(answer(temporary)))
    except FileError as error:
        if error.full:  # the next file will not fit either
            raise web.HTTPInsufficientStorage(text=without_roots(str(error))) from None
        raise


async def _written(request: web.Request, temporary: Path, target: Path, most: int) -> None:
    """Write a body to a file as it comes; what fails names `target`."""
    with file_errors(target):
        file = await asyncio.to_thread(open, temporary, "wb")
    try:
        size = 0
        while piece := await _piece(request):
            size += len(piece)
            if size > most:
                raise _too_long(most)
            with file_errors(target):
                await asyncio.to_thread(file.write, piece)
    finally:
        with file_errors(target):
            await asyncio.to_thread(file.close)


async def _piece(request: web.Request) -> bytes:
    """Return the next bytes of a body, none at its end.

    Raises:
        web.HTTPBadRequest: the connection ended before the body did.
    """
    pieces, size = [], 0
    try:
        while size < _PIECE and (part := await request.content.readany()):
            pieces.append(part)
            size += len(part)
    except (ConnectionError, ClientError):
        raise web.HTTPBadRequest(text="the connection ended before the file did") from None
    return b"".join(pieces)


def longest_file(request: web.Request) -> int:
    """Return the most bytes of a file that ComfyUI takes: `--max-upload-size`."""
    return request.client_max_size or 2**53


def _too_long(most: int) -> web.HTTPRequestEntityTooLarge:
    text = f"the file is longer than the {format_bytes(most)} that ComfyUI takes (--max-upload-size)"
    return web.HTTPRequestEntityTooLarge(most, most + 1, text=text)


async def _response(make: Callable[[], Any], pool: Executor | None) -> web.StreamResponse:
    """Return what `make`, run in a thread, answers."""
    return await _told(asyncio.get_running_loop().run_in_executor(pool, lambda: _made(make())))


def _made(answer: Any) -> web.StreamResponse:
    """Return an answer as a response: one of its own as it is, everything else as JSON."""
    if isinstance(answer, web.StreamResponse):
        return answer
    return web.Response(text=_json(answer), content_type="application/json", headers=NO_SNIFFING)


async def _told(work: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    """Return a response, or what is wrong as JSON, {"error": sentence}, whatever it is: a script that reads the answer is told."""
    try:
        return await work
    except AthanorError as error:
        return _refusal(422, without_roots(str(error)))
    except web.HTTPException as error:
        return _refusal(error.status, error.text or error.reason)
    except Exception as error:
        log.exception("Athanor: a request failed")
        return _refusal(500, f"the request failed ({type(error).__name__}): ComfyUI's log tells where")


def _refusal(status: int, sentence: str) -> web.Response:
    """Return what is wrong with a request as JSON: {"error": sentence}."""
    text = json.dumps({"error": whole_characters(sentence)})
    return web.Response(status=status, text=text, content_type="application/json", headers=NO_SNIFFING)


def anything_else(path: str) -> None:
    """Answer all requests below `path` that no other route takes: 405 where the address takes other methods, else 404."""

    # Not .*, which ends at a line break, as %0a is one.
    @PromptServer.instance.routes.route("*", f"{path}/{{rest:[\\s\\S]*}}")
    async def _other(request: web.Request) -> web.StreamResponse:
        own = (each for each in request.app.router.resources() if f"{path}/" in each.canonical)
        resources = [each for each in own if "{rest}" not in each.canonical]
        allowed = set[str]().union(*[(await each.resolve(request))[1] for each in resources])
        if not allowed:
            return _refusal(404, "there is nothing at this address")
        refusal = _refusal(405, f"this address takes {' and '.join(sorted(allowed))}, not {request.method}")
        refusal.headers["Allow"] = ", ".join(sorted(allowed))
        return refusal


def _json(answer: Any) -> str:
    """Return an answer as JSON; a number that is none is null there, for a page takes no other."""
    try:
        return json.dumps(answer, allow_nan=False)
    except ValueError:
        return json.dumps(finite(answer))


def _checked(request: web.Request, data: bytes, fields: Mapping[str, type], longest: int) -> Json | None:
    """Return the JSON object of a request's body, or None if it is none that has these fields.

    Raises:
        web.HTTPBadRequest: a text in it holds half a character.
        web.HTTPRequestEntityTooLarge: it is longer than `longest` bytes.
    """
    if longest and len(data) > longest:
        most = f"the body has {len(data):,} bytes; {longest:,} is the most here"
        raise web.HTTPRequestEntityTooLarge(longest, len(data), text=most)
    if request.content_type != "application/json":
        return None
    body = parse_json(data)
    if not isinstance(body, dict) or any(not isinstance(body.get(name), kind) for name, kind in fields.items()):
        return None
    if _HALF.search(data) and whole_characters(text := json.dumps(body, ensure_ascii=False)) != text:
        raise web.HTTPBadRequest(text="the body holds half a character (a lone surrogate): type the text anew")
    return body


def number(request: web.Request, name: str, default: int, digits: int = 7) -> int:
    """Return a number of the address's query, such as `?first=100`.

    Raises:
        web.HTTPBadRequest: it has other characters than digits, or too many.
    """
    text = request.query.get(name, str(default))
    if not re.fullmatch(rf"[0-9]{{1,{digits}}}", text):
        raise web.HTTPBadRequest(text=f"{name} must be a whole number of at most {digits} digits")
    return int(text)


def missing(what: str) -> web.HTTPNotFound:
    """Return the exception for status 404, to be raised: there is no such picture, run, ..."""
    return web.HTTPNotFound(text=f"there is no such {what}")


def file(data: bytes | str, kind: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return bytes or text as a response of the media type `kind`."""
    body, charset = (whole_characters(data).encode(), "utf-8") if isinstance(data, str) else (data, None)
    return web.Response(body=body, content_type=kind, charset=charset, headers={**NO_SNIFFING, **(headers or {})})


def stored(path: Path, headers: Mapping[str, str]) -> web.StreamResponse:
    """Return a file of the disk as a response, whole or the range that is asked for; it is read piece by piece."""
    return _Stored(path, headers={**headers, **NO_SNIFFING})


class _JsonRefusal(web.StreamResponse):
    """Turns the empty refusals of aiohttp's FileResponse, which come when it opens the file, into {"error": sentence}."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Send the header; of a refusal its body as well."""
        if self.status < 400:
            return await super().prepare(request)
        refusal = _refusal(self.status, _why_not_sent(self.status, request, self.headers.get("Content-Range", "")))
        self.headers.popall("Content-Disposition", None)
        self.headers["Content-Type"] = refusal.headers["Content-Type"]
        self.content_length = len(body := refusal.text.encode() if refusal.text else b"")
        writer = await super().prepare(request)
        if request.method != "HEAD":
            await self.write(body)
        return writer


class _Stored(web.FileResponse, _JsonRefusal):
    """A FileResponse that hands its header to _JsonRefusal, which stands behind it in the order of methods."""


def _why_not_sent(status: int, request: web.BaseRequest, size: str) -> str:
    """Return why a file is not sent; `size` is the answer's Content-Range, such as "bytes */120"."""
    if status == 416:
        asked, size = shortened(request.headers.get("Range", "")), size.rpartition("/")[2]
        return f"Range is {asked!r}, but the file has {size} bytes: ask for bytes=FIRST-LAST, counted from 0, or leave it out"
    if status == 412:
        return "the file has changed: it is not the one that If-Match or If-Unmodified-Since asks for"
    return "there is no such file" if status == 404 else "the file cannot be read: ComfyUI is not allowed to"
