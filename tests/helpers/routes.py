"""All routes of the pack on a server in this process, with a ComfyUI's folders but without its server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import own_loop
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

FOLDERS = (
    "input",
    "output",
    "temp",
    "user",
    "models/loras",
    "models/checkpoints",
    "models/diffusion_models",
    "datasets",
)


def comfyui_folders(base: Path, patch: pytest.MonkeyPatch) -> None:
    """Let ComfyUI's folders be those below `base`."""
    import folder_paths

    for name in FOLDERS:
        (base / name).mkdir(parents=True, exist_ok=True)
    for name in ("input", "output", "temp", "user"):
        patch.setattr(folder_paths, f"{name}_directory", str(base / name))
    for name, folder in (("loras", "models/loras"), ("checkpoints", "models/checkpoints"), ("datasets", "datasets"),
                         ("diffusion_models", "models/diffusion_models")):  # fmt: skip
        patch.setitem(folder_paths.folder_names_and_paths, name, ([str(base / folder)], {".safetensors"}))


def table(patch: pytest.MonkeyPatch) -> web.RouteTableDef:
    """The pack's routes, as its extension registers them."""
    from athanor.nodes import WITH_ROUTES, http

    routes = web.RouteTableDef()
    patch.setattr(http.PromptServer, "instance", SimpleNamespace(routes=routes), raising=False)
    for module in WITH_ROUTES:
        module.register()
    http.anything_else("/athanor")
    return routes


def served(routes: web.RouteTableDef, work: Callable[[TestClient], Coroutine[Any, Any, Any]]) -> Any:
    """Serve the routes while `work` asks them; returns what it returns."""

    async def session() -> Any:
        app = web.Application(client_max_size=100 * 1024**2)
        app.add_routes(routes)
        async with TestClient(TestServer(app)) as client:
            return await work(client)

    return own_loop.run(session())


def every_file(base: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below a folder, by path (0 and 0 for a folder); to see what was written where."""
    found = {}
    for path in base.rglob("*"):
        with contextlib.suppress(OSError):
            stat = path.lstat()
            found[path.relative_to(base).as_posix()] = (0, 0) if path.is_dir() else (stat.st_size, stat.st_mtime_ns)
    return found
