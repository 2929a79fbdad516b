"""The command line itself: where it finds ComfyUI, and how it ends."""

from pathlib import Path

import pytest
from athanor.training_core import __main__ as main
from athanor.training_core.errors import AthanorError, Fault, FileError
from athanor.training_core.host.headless import Interrupted


def comfyui(folder: Path) -> Path:
    (folder / "comfy").mkdir(parents=True)
    for name in ("main.py", "comfy/sd.py"):
        (folder / name).touch()
    return folder


def test_where_comfyui_is(tmp_path, monkeypatch):
    around, other = comfyui(tmp_path / "around"), comfyui(tmp_path / "other")
    (around / "custom_nodes").mkdir()
    link = around / "custom_nodes" / "athanor"
    link.symlink_to(main.PACK, target_is_directory=True)
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setattr(main, "__file__", str(link / "training_core" / "__main__.py"))  # started through the link
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main._comfyui(None) == around
    monkeypatch.setattr(main, "__file__", str(tmp_path / "pack" / "training_core" / "__main__.py"))
    with pytest.raises(AthanorError, match="in COMFYUI_PATH"):
        main._comfyui(None)
    monkeypatch.chdir(link)  # cd custom_nodes/athanor; python -m training_core: only PWD tells the link
    monkeypatch.setenv("PWD", str(link))
    assert main._comfyui(None) == around
    monkeypatch.setenv("COMFYUI_PATH", str(other))
    assert main._comfyui(None) == other and main._comfyui(around) == around
    with pytest.raises(AthanorError, match="which --comfyui names"):
        main._comfyui(tmp_path)


def test_exit_codes():
    ends = {
        AthanorError("a setting"): 2,
        Fault("out of memory"): 1,
        FileError(28, "no space", "a", "written"): 1,
        RuntimeError("Traceback ...\nboom"): 1,
        KeyError("x"): 1,
        Interrupted(): 75,
    }
    assert {error: main._ending(error)[0] for error in ends} == ends
    assert "Traceback" in main._ending(KeyError("x"))[1] or "KeyError" in main._ending(KeyError("x"))[1]
    shown = main._parser().format_help()
    assert (
        all(f"\n  {code:<4} " in shown for code in (0, 1, 2, 3, 75)) and shown.count("python -m training_core run") == 2
    )
    assert all(len(line) <= 100 for line in shown.splitlines())
