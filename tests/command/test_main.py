"""The command line itself: where it finds ComfyUI, and how it ends."""

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
from athanor.training_core import __main__ as main
from athanor.training_core.errors import AthanorError, Fault, FileError
from athanor.training_core.graph_sources import Source
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
        ModuleNotFoundError("No module named 'pydantic'", name="pydantic"): 2,
        Interrupted(): 75,
    }
    assert {error: main._ending(error)[0] for error in ends} == ends
    assert "Traceback" in main._ending(KeyError("x"))[1] or "KeyError" in main._ending(KeyError("x"))[1]
    shown = main._parser().format_help()
    assert (
        all(f"\n  {code:<4} " in shown for code in (0, 1, 2, 3, 75)) and shown.count("python -m training_core run") == 2
    )
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_a_node_that_only_the_page_has_is_named():
    nodes = [
        {"id": 1, "type": "GetNode", "outputs": [{"type": "MODEL"}]},
        {"id": 2, "type": "AthanorTrainLoRA", "inputs": [{"name": "model", "link": 7}], "widgets_values": [4]},
        {"id": 3, "type": "Elsewhere"},
    ]
    specs = {"AthanorTrainLoRA": {"model": ("MODEL", {}), "epochs": ("INT", {"min": 1})}}
    host = SimpleNamespace(inputs=specs.get, lacks=lambda types: sorted(set(types) - specs.keys()), titles={})
    arguments = Namespace(node="", set=["epochs=5"])
    with pytest.raises(AthanorError, match=r"\(GetNode\): install their packs, or open it in ComfyUI, choose Export"):
        main._prepared(Source(workflow={"nodes": nodes, "links": [[7, 1, 0, 2, 0, "MODEL"]]}), arguments, host)
    prompt, node = main._prepared(Source(workflow={"nodes": nodes, "links": []}), arguments, host)
    assert (node, list(prompt)) == ("2", ["2"]) and prompt["2"]["inputs"] == {"epochs": 5}
