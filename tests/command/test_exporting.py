"""`export` on the command line: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from athanor.training_core import __main__ as main
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read

PACK = Path(__file__).resolve().parents[2]
PAGE = (PACK / "docs" / "api.md").read_text(encoding="utf-8")
GRAPH = json.loads(re.search(r"^```json my_workflow_api\.json\n(.*?)^```", PAGE, re.M | re.S)[1])  # pyright: ignore[reportOptionalSubscript]


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs the command line with the graph of docs/api.md: (exit code, what is printed, what is wrong)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH))

    def started(*arguments: str):
        monkeypatch.setattr(sys, "argv", ["training_core", "export", *arguments])
        code = main.main()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return started


def test_what_is_printed(run):
    code, printed, told = run("graph.json", "--as", "command")
    assert code == 0
    assert "==> train.sh <==\n# Written by Athanor." in printed and "\n==> dataset.toml <==\n[general]\n" in printed
    assert "  --train_batch_size" not in printed and "\nbatch_size = 4\n" in printed
    assert told.startswith("Left out: The graph does not tell which kind of model it trains")


def test_what_is_written_can_be_imported_and_posted(run, tmp_path):
    code, printed, told = run("graph.json", "--as", "api", "-o", "out/here")
    assert (code, told) == (0, "")
    assert printed == f"Written: {Path('out/here/workflow_api.json')}\n"
    body = json.loads((tmp_path / "out/here/workflow_api.json").read_text())
    assert body["prompt"] == {
        key: {**node, "inputs": {**node["inputs"], **body["prompt"][key]["inputs"]}}
        for key, node in GRAPH.items()
        if key != "6"
    }
    shown = json.loads(re.search(r"^```json exported/workflow_api\.json\n(.*?)^```", PAGE, re.M | re.S)[1])  # pyright: ignore[reportOptionalSubscript]
    assert body["variables"].items() >= {k: v for k, v in shown["variables"].items() if k != "..."}.items()
    assert body["node"] == shown["node"]


def test_a_runs_folder_and_any_recipe(run, tmp_path):
    assert run("graph.json", "--as", "job", "-o", "run")[0] == 0
    assert run("run", "--as", "job", "-o", "again")[0] == 0
    assert (tmp_path / "run/job.json").read_text() == (tmp_path / "again/job.json").read_text()
    (tmp_path / "lines.txt").write_text("rank: 32\nalpha: 16\nlearning rate: 2e-4\nepochs: 5\n")
    (tmp_path / "train.sh").write_text(
        "accelerate launch sdxl_train_network.py --network_dim 32 --learning_rate 2e-4 --max_train_epochs 5"
    )
    code, printed, _ = run("train.sh", "--as", "table")
    assert code == 0 and "| Network | LoRA, rank 32, alpha 1 |" in printed
    code, _, _ = run("train.sh", "--as", "job", "-o", "other")
    text = (tmp_path / "other/job.json").read_bytes()
    recipe = read([Document(name="job.json", data=text)]).recipe
    assert (recipe.model.family, recipe.settings["network"]["rank"]) == ("SDXL", 32)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing.json", "--as", "job"), "There is no file nothing.json"),
        (("graph.json", "--as", "job", "--node", "9"), "The graph has no Train LoRA node '9'"),
        ((".", "--as", "job"), "has no job.json: it is not the folder of a run."),
    ],
)
def test_what_is_refused(run, arguments, sentence):
    code, printed, told = run(*arguments)
    assert (code, printed) == (2, "")
    assert sentence in told and "Traceback" not in told


def test_files_of_others_are_not_written_over(run, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "dataset.toml").write_text("mine")
    code, _, told = run("graph.json", "--as", "command", "-o", "o")
    assert code != 0 and "dataset.toml is there already" in told
    assert (tmp_path / "o" / "dataset.toml").read_text() == "mine" and not (tmp_path / "o" / "train.sh").exists()
    assert run("graph.json", "--as", "table", "-o", "o")[0] == 0
    assert run("graph.json", "--as", "table", "-o", "o")[0] == 0  # the same text again
