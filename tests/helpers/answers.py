"""What the server answers: to single requests, and to graphs that it refuses or fails."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from host import Host


def answer(
    server: Host,
    path: str,
    body: object = None,
    kind: str = "application/json",
    *,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> tuple[int, bytes, dict]:
    """(status, content, headers) of a GET, or of a POST where there is a body."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"Content-Type": kind, **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def refused(server: Host, prompt: dict[str, Any]) -> str:
    """The server's sentence when it refuses the graph at once."""
    with pytest.raises(ValueError) as error:
        server.queue(prompt)
    return str(error.value)


def failed(server: Host, prompt: dict[str, Any]) -> str:
    """The sentence of a graph that fails while it runs."""
    with pytest.raises(RuntimeError) as error:
        server.run(prompt)
    return str(error.value)
