"""A ComfyUI that is too old is told so in one sentence, in its log and on its page; nothing else of the pack is loaded."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import own_loop
import pytest
from athanor.training_core import toml
from athanor.training_core.host import host_version

ROOT = Path(__file__).resolve().parents[2]
MODULE = str(ROOT).replace(".", "_x_")
"""What the host calls the pack's package."""
TELLS = "Athanor needs ComfyUI 0.30.0 or newer, and this is {}: update ComfyUI and start it again; until then its nodes are missing."


def is_version(patch: pytest.MonkeyPatch, version: str | None) -> None:
    """Let the host be of this version; None: from before it told any."""
    patch.setitem(sys.modules, "comfyui_version", SimpleNamespace(__version__=version) if version is not None else None)


@pytest.mark.parametrize("version", ["0.30.0", "0.30.1", "v0.30.0", "0.30.0rc1", "0.100.2", "1.0.0", "0.30"])
def test_new_enough(monkeypatch, comfy, version):
    is_version(monkeypatch, version)
    assert host_version.too_old() == ""


@pytest.mark.parametrize("version", ["0.3.64", "0.29.9", "0.4.0", "v0.16.3", "0.3"])
def test_too_old(monkeypatch, comfy, version):
    is_version(monkeypatch, version)
    assert host_version.too_old() == TELLS.format(f"ComfyUI {version}")


def test_a_host_that_does_not_tell_its_version_is_judged_by_what_it_has(monkeypatch, comfy):
    is_version(monkeypatch, None)
    assert host_version.too_old() == ""
    monkeypatch.setitem(sys.modules, "comfy_api.latest", None)
    assert host_version.too_old() == TELLS.format("an older one that does not tell its version")
    monkeypatch.setitem(sys.modules, "comfy", None)  # a test without a host
    assert host_version.too_old() == ""


def test_all_places_name_the_same_version():
    """The registry and the manager read pyproject.toml, the page its own script."""
    project = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["comfy"]["requires-comfyui"] == f">={host_version.NEEDED}"
    script = (ROOT / "web_without_nodes" / "message.js").read_text(encoding="utf-8")
    assert re.findall(r'NEEDED = "([\d.]+)"', script) == [host_version.NEEDED]
    assert [path.name for path in (ROOT / "web_without_nodes").iterdir()] == ["message.js"]


@pytest.fixture
def loaded(comfy, monkeypatch, caplog):
    """Loads the pack as the host does, once more; what it says, and the name of the folder that the page has scripts from."""
    from athanor.training_core.host.comfy_nodes import host_nodes

    for name in ("NODE_CLASS_MAPPINGS", "EXTENSION_WEB_DIRS", "LOADED_MODULE_DIRS"):
        monkeypatch.setattr(host_nodes, name, {})
    monkeypatch.setitem(sys.modules, f"{MODULE}.nodes", None)  # "import of ... halted", as where a package is missing

    def load() -> tuple[list[str], str]:
        with caplog.at_level(logging.INFO):
            assert not own_loop.run(host_nodes.load_custom_node(str(ROOT)))
        assert host_nodes.NODE_CLASS_MAPPINGS == {}
        (folder,) = host_nodes.EXTENSION_WEB_DIRS.values()
        return [record.getMessage() for record in caplog.records], Path(folder).name

    yield load
    for name in [name for name in sys.modules if name == MODULE or name.startswith(f"{MODULE}.")]:
        del sys.modules[name]


@pytest.mark.parametrize("has_entry_points", [True, False], ids=["0.3.64", "before entry points"])
def test_the_host_loads_nothing_of_the_pack_but_the_sentence(loaded, monkeypatch, has_entry_points):
    is_version(monkeypatch, "0.3.64")
    if not has_entry_points:  # this host then says the sentence a second time, as it has them
        monkeypatch.setitem(sys.modules, "comfy_api.latest", None)
    told, folder = loaded()
    assert sum(TELLS.format("ComfyUI 0.3.64") in text for text in told) == 1 + (not has_entry_points), told
    assert folder == "web_without_nodes"


@pytest.fixture
def answer(comfy, monkeypatch):
    """Asks the route that a pack without nodes has added to the server."""
    import server

    routes = server.web.RouteTableDef()
    monkeypatch.setattr(server.PromptServer, "instance", SimpleNamespace(routes=routes), raising=False)
    return lambda: json.loads(own_loop.run(next(iter(routes)).handler(None)).text)


def test_where_the_nodes_cannot_be_imported_the_page_says_that_they_are_missing(loaded, answer):
    told, folder = loaded()
    assert f"import of {MODULE}.nodes halted" in told[-1] and folder == "web_without_nodes"
    assert answer()["text"].startswith("ModuleNotFoundError: import of ")


def test_a_package_that_is_missing_is_said_once_with_the_line_that_installs_it(loaded, answer, monkeypatch):
    """ComfyUI said "No module named 'pydantic'", and the page that the log would tell."""
    monkeypatch.delitem(sys.modules, f"{MODULE}.nodes")
    monkeypatch.setitem(sys.modules, "pydantic", None)
    told, _ = loaded()
    why = answer()["text"]
    assert sum(why in text for text in told) == 1 and why.startswith(
        "pydantic is missing (without that nothing can be trained): install it with '"
    )
    assert f"{sys.executable} -m pip install " in why and "pydantic>=2.0,<3" in why
