"""`import` on the command line: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest
from athanor.training_core import __main__ as main
from athanor.training_core import graph_sources
from athanor.training_core.recipes import read
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.form import Form
from athanor.training_core.recipes.rules import Contents, Entry, Same, model_file
from athanor.training_core.recipes.translate import Program

PROGRAM = Program(
    title="test",
    vocabulary={
        "base": model_file("checkpoint"),
        "dir": Same(path="datasets.folder"),
        "dim": Same(path="network.rank"),
    },
)


def told(document: Document) -> Contents | None:
    pairs = [line.partition("=") for line in document.text.splitlines() if "=" in line]
    return Contents(entries=tuple(Entry(name=name, value=value) for name, _, value in pairs)) if pairs else None


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs the command line with a recipe's file x.txt: (exit code, what is printed, what is wrong)."""
    monkeypatch.setattr(read, "FORMS", (Form(title="a test", program=PROGRAM, read=told),))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.txt").write_text("base=D:\\m\\b.ckpt\ndir=/a/cats\ndim=8\nodd=a|b")

    def started(*arguments: str):
        monkeypatch.setattr(sys, "argv", ["training_core", "import", *arguments])
        code = main.main()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return started


def test_list_and_graph(run, tmp_path):
    code, printed, _ = run("x.txt", "--answer", "checkpoint=b.safetensors", "-o", "g.json")
    assert code == 0
    assert "a test: 2 taken over, 1 translated, 1 not known here." in printed.splitlines()
    assert "| odd | a\\|b |  | test has no setting of this name" in printed
    assert "- Choose the folder of pictures: the recipe used 'cats'. (--answer folder=...)" in printed
    assert "Choose the checkpoint" not in printed
    prompt = json.loads((tmp_path / "g.json").read_text())
    source = graph_sources.read(tmp_path / "g.json")
    assert (
        source.prompt == prompt
        and prompt[graph_sources.train_node(source, prompt, "")]["class_type"] == "AthanorTrainLoRA"
    )
    kinds = {node["class_type"]: node["inputs"] for node in prompt.values()}
    assert kinds["CheckpointLoaderSimple"] == {"ckpt_name": "b.safetensors"}
    assert kinds["AthanorNetworkConfig"] == {"rank": 8} and kinds["AthanorDatasetLoader"] == {"folder": ""}


def test_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"dim=4")))
    code, printed, _ = run("-")
    assert code == 0 and "1 taken over" in printed and "which the recipe does not name" in printed


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["none.txt"], "There is no file none.txt"), (["x.txt", "--answer", "checkpoint"], "write ROLE=VALUE"),
        (["x.txt", "--answer", "vae=x"], "'vae' is asked for nowhere"), (["x.txt", "-o", "no/where.json"], "where.json"),
    ],
)  # fmt: skip
def test_what_is_refused(run, arguments, sentence):
    code, _, wrong = run(*arguments)
    assert code != 0 and sentence in wrong and "Traceback" not in wrong


def test_options_of_comfyui_are_for_run_alone(run):
    with pytest.raises(SystemExit):
        run("x.txt", "--cpu")
