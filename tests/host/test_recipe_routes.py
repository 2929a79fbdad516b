"""The route that reads a recipe, on a server in this process: a graph whose files are chosen by their names, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import graphs
import pytest
import routes
from athanor.training_core.recipes import read
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.form import Form
from athanor.training_core.recipes.rules import Contents, Entry, Same, model_file
from athanor.training_core.recipes.translate import Program

PROGRAM = Program(
    title="test", vocabulary={"base": model_file("checkpoint"), "dir": Same(path="datasets.folder"), "dim": Same(path="network.rank")}
)  # fmt: skip


def told(document: Document) -> Contents | None:
    pairs = [line.partition("=") for line in document.text.splitlines() if "=" in line]
    return Contents(entries=tuple(Entry(name=name, value=value) for name, _, value in pairs)) if pairs else None


@pytest.fixture
def ask(comfy: None, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], tuple[int, Any]]:
    """Sends files, and returns the status and the answer."""
    routes.comfyui_folders(tmp_path, monkeypatch)
    monkeypatch.setattr(read, "FORMS", (Form(title="a test", program=PROGRAM, read=told),))
    graphs.draw_dataset(tmp_path / "input" / "cats", 1)
    (tmp_path / "models" / "checkpoints" / "sub").mkdir()
    (tmp_path / "models" / "checkpoints" / "sub" / "Base.safetensors").touch()
    table = routes.table(monkeypatch)

    def sent(files: Any) -> tuple[int, Any]:
        async def session(client: Any) -> Any:
            async with client.post("/athanor/recipes/read", json={"files": files}) as response:
                return response.status, await response.json()

        return routes.served(table, session)

    return sent


def test_a_recipe(ask):
    text = "base=D:\\m\\base.safetensors\ndir=C:\\train\\cats\ndim=8\nodd=1"
    status, answer = ask([{"name": "x.txt", "text": text}])
    assert status == 200, answer
    assert answer["form"] == "a test" and answer["family"] == "" and answer["name"] == ""
    assert [line["kind"] for line in answer["lines"]] == ["translated", "taken", "taken", "unknown"]
    assert [(each["role"], each["chosen"]) for each in answer["questions"]] == [
        ("checkpoint", "sub/Base.safetensors"), ("folder", "cats"),
    ]  # fmt: skip
    nodes = {node["type"]: node for node in answer["nodes"]}
    assert nodes["CheckpointLoaderSimple"]["inputs"] == {"ckpt_name": "sub/Base.safetensors"}
    assert nodes["AthanorDatasetLoader"]["inputs"]["folder"] == "cats"
    assert nodes["MarkdownNote"]["group"] == "Model" and nodes["MarkdownNote"]["column"] == 0
    train = nodes["AthanorTrainLoRA"]
    assert answer["prompt"][train["id"]]["inputs"] == train["inputs"]
    assert train["inputs"]["model"] == [nodes["CheckpointLoaderSimple"]["id"], 0]


def test_another_computers_names_stay_questions(ask):
    _, answer = ask([{"name": "", "base64": base64.b64encode(b"base=/x/other.ckpt\ndir=/secret/dogs").decode()}])
    assert [each["chosen"] for each in answer["questions"]] == ["", ""]
    assert all("/secret" not in str(node) for node in answer["nodes"])


@pytest.mark.parametrize("folder", ["../models", "/etc", "..\\..\\x", "a" * 5000])
def test_no_folder_outside_is_chosen(ask, folder):
    status, answer = ask([{"text": f"dir={folder}"}])
    assert status == 200 and answer["questions"][-1]["chosen"] == ""


@pytest.mark.parametrize(
    "files, status, sentence",
    [
        ([], 422, "There are 0 files"), ([{"text": "a=b"}] * 17, 422, "There are 17 files"),
        ([{"name": "x"}], 400, "the body must be JSON"), (["x"], 400, "the body must be JSON"),
        ([{"name": 1, "text": ""}], 400, "the body must be JSON"), ([{"name": "y.bin", "base64": "%"}], 422, "y.bin: its base64"),
        ([{"name": "n.txt", "text": "nothing"}], 422, "n.txt is no recipe"), ("x", 400, "the body must be JSON"),
        ([{"text": "a" * 4_000_001}], 422, "too large for a recipe"),
    ],
)  # fmt: skip
def test_what_is_refused(ask, files, status, sentence):
    got, answer = ask(files)
    assert got == status and sentence in answer["error"]
