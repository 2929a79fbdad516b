"""A real ComfyUI seen through a real Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forked_host
import graphs
import pytest
from device import SHORT_CLIP
from host import Host
from web_page import Page

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
CHROMIUM = os.environ.get("CHROMIUM_PATH", CHROMIUM)


def missing() -> str:
    """What the browser tests lack, or ''."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "the Python package playwright is missing: pip install playwright"
    return "" if CHROMIUM else "no Chromium: apt install chromium (or set CHROMIUM_PATH)"


def pytest_ignore_collect() -> bool | None:
    return True if missing() else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if missing():
        terminalreporter.write_line(f"Browser tests (tests/web) were left out: {missing()}")


@pytest.fixture(scope="session")
def site(comfyui: Path, checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    base = tmp_path_factory.mktemp("site")
    graphs.draw_dataset(base / "input" / "ds" / "2_thing", 6)
    extra = ("--front-end-root", os.environ["FRONTEND_PATH"]) if os.environ.get("FRONTEND_PATH") else ()
    hidden = tmp_path_factory.mktemp("hidden")  # Python runs it first; test_missing tells what a user then sees
    own = (SHORT_CLIP / "sitecustomize.py").read_text(encoding="utf-8")  # of two only the first is run
    (hidden / "sitecustomize.py").write_text(f"{own}\nsys.modules['prodigyopt'] = None\n", encoding="utf-8")
    host = forked_host.new(comfyui, base, extra=extra)
    host.hidden = ("prodigyopt",)  # to a fork; Python has run the file before
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(hidden), prepend=os.pathsep)
        host.start()
    try:
        (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
        graphs.learn_defaults(host.get("/object_info"))
        yield host
    finally:
        host.stop()
    assert "IMPORT FAILED" not in host.log()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("ATHANOR_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(request, browser, site, pictures):
    """ComfyUI's page in the renderer that the test's `vue` says; nothing of the pack may complain in it."""
    page = Page(browser, site, vue=request.getfixturevalue("vue"), pictures=pictures)
    yield page
    page.close()
    assert not page.errors
