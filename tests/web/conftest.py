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
from web_page import ROOT, Page

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


HOST = {
    "api.js": """export const api = { apiURL: (path) => path, addEventListener() {}, fetchApi: (path, options) =>
        new Promise((done) => window.asked.push({ path, body: JSON.parse(options?.body ?? "null"), answer: (json, status) =>
            done(new Response(JSON.stringify(json), { status })) })) };""",
    "app.js": "export const app = { registerExtension() {} };",
}
"""Of the host no more than the parts need: requests wait in `window.asked` until a test answers them."""


@pytest.fixture
def bare(browser):
    """An empty page beside the pack's scripts: for parts that need no ComfyUI around them."""

    def answer(route):
        _, _, file = route.request.url.partition("/extensions/athanor/")
        host = HOST.get(route.request.url.rpartition("/scripts/")[2])
        if file:
            route.fulfill(path=ROOT / "web" / file)
        else:
            route.fulfill(body=host or "", content_type="text/javascript" if host else "text/html")

    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.route("http://pack.test/**", answer)
    page = context.new_page()
    page.goto("http://pack.test/")
    yield page
    context.close()


class Kept:
    """The page that a test has left for the next one on the canvas: to load one takes eight seconds of a processor."""

    def __init__(self, browser: Any, site: Host, pictures: Path) -> None:
        self.page: Page | None = None
        self._new = lambda vue: Page(browser, site, vue=vue, pictures=pictures)

    def new(self, vue: bool) -> Page:
        """One that has just been loaded."""
        return self._new(vue)

    def take(self, vue: bool) -> Page:
        """The one that was left, in this renderer; without one a new one."""
        page, self.page = self.page, None
        if page is None:
            return self.new(vue)
        page.setting("Comfy.VueNodes.Enabled", vue)
        return page

    def leave(self, page: Page) -> None:
        """For the next test."""
        self.close()
        page.put_away()
        self.page = page

    def close(self) -> None:
        """Close the one that was left: nobody comes for it."""
        page, self.page = self.page, None
        if page is not None:
            page.close()


KEPT: list[Kept] = []
"""That of this process, once a test has asked for it."""


@pytest.fixture(scope="session")
def kept(browser, site, pictures) -> Iterator[Kept]:
    kept = Kept(browser, site, pictures)
    KEPT.append(kept)
    yield kept
    kept.close()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Behind the last test of this folder no page stays open: it takes an eighth of a core even where nothing happens in it."""
    if nextitem is None or nextitem.path.parent != item.path.parent:
        for kept in KEPT:
            kept.close()


@pytest.fixture
def page(request, kept):
    """ComfyUI's page in the renderer that the test's `vue` says; nothing of the pack may complain in it."""
    page = kept.new(request.getfixturevalue("vue"))
    yield page
    page.close()
    assert not page.errors


def left(request: pytest.FixtureRequest, kept: Kept, page: Page) -> Iterator[Page]:
    """Lend it to the test, and leave it for the next one if this one has passed."""
    failed = request.session.testsfailed
    yield page
    if page.errors or request.session.testsfailed > failed:
        page.close()
    else:
        kept.leave(page)
    assert not page.errors


@pytest.fixture
def page_to_leave(request, kept):
    """A new page, left for the next test."""
    yield from left(request, kept, kept.new(request.getfixturevalue("vue")))


@pytest.fixture
def used_page(request, kept):
    """The page that another test has left: runs may be known to it, and fields of its list be filled in."""
    yield from left(request, kept, kept.take(request.getfixturevalue("vue")))
