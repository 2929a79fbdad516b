"""What a graph can be handed in as, each form by its reader."""

import json
import struct
from pathlib import Path

import fuzz
import pytest
from athanor.training_core import graph_sources
from athanor.training_core.errors import AthanorError

SAVED = Path(__file__).resolve().parents[0] / "host" / "saved_workflows"
PROMPT = json.loads((SAVED / "train.api.json").read_text(encoding="utf-8"))


def lora(path: Path, **metadata: str) -> Path:
    header = json.dumps({"__metadata__": metadata}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_every_form(tmp_path):
    assert graph_sources.read(SAVED / "train.api.json").prompt == PROMPT
    assert graph_sources.read(SAVED / "train.json").workflow["nodes"]
    graph = written(tmp_path / "graph.json", {"node": "8", "prompt": PROMPT, "workflow": {}})
    assert graph_sources.read(graph) == graph_sources.read(tmp_path) == graph_sources.Source(prompt=PROMPT, node="8")
    written(
        tmp_path / "job.json", {"training": {"epochs": 4}, "graph": {"node": "8", "prompt": PROMPT, "settings": "12"}}
    )
    job = graph_sources.read(tmp_path)  # before graph.json: what is edited there counts
    assert (job.prompt, job.node, job.settings, job.written) == (PROMPT, "8", {"training": {"epochs": 4}}, "12")
    assert graph_sources.of_json({"1": {"class_type": "A"}}, "").prompt == {
        "1": {"class_type": "A", "inputs": {}}
    }  # all at its default
    file = lora(
        tmp_path / "a.safetensors", prompt=json.dumps(PROMPT), athanor_job='{"training": {"output_name": "me"}}'
    )
    assert graph_sources.read(file) == graph_sources.Source(prompt=PROMPT, output_name="me")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "{}", "a.json holds no graph"),
        ("a.json", "[1", "is not valid JSON"),
        ("a.json", '{"1": {"class_type": 3, "inputs": {}}}', "holds no graph"),
        ("job.json", '{"graph": {"node": "x", "prompt": {"8": {"class_type": "A", "inputs": {}}}}}', "holds no graph"),
        ("a.safetensors", "nothing", "does not begin with a safetensors header"),
        ("missing.json", None, "cannot be read"),
        ("grid.PNG", "pixels", "grid.PNG is a picture: open it in ComfyUI"),
    ],
)
def test_what_holds_no_graph_is_one_sentence(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(AthanorError, match=words) as error:
        graph_sources.read(tmp_path / name)
    fuzz.check_message(str(error.value))


def test_a_lora_without_a_graph_and_a_folder_that_is_no_run(tmp_path):
    for path, words in (
        (lora(tmp_path / "b.safetensors", ss_steps="3"), "does not carry the graph"),
        (tmp_path, "not the"),
    ):
        with pytest.raises(AthanorError, match=words):
            graph_sources.read(path)


def two() -> dict:
    return {
        "1": {"class_type": "AthanorTrainLoRA", "inputs": {"output_name": "a"}, "_meta": {"title": "Train: A"}},
        "2": {
            "class_type": "AthanorTrainLoRA",
            "inputs": {"output_name": "b", "model": ["3", 0]},
            "_meta": {"title": "B"},
        },
        "3": {"class_type": "Load", "inputs": {}},
    }


def test_which_node_trains():
    plain = graph_sources.Source(prompt=two())
    assert graph_sources.train_node(plain, two(), "2") == graph_sources.train_node(plain, two(), "b") == "2"
    assert graph_sources.train_node(graph_sources.Source(prompt=two(), node="1"), two(), "") == "1"
    assert graph_sources.train_node(graph_sources.Source(prompt=two(), output_name="b"), two(), "") == "2"
    for named, words in (
        ("", r"has 2 Train LoRA nodes: name one with --node ID, of 1 \(Train: A\), 2 \(B\)"),
        ("C", "there are"),
    ):
        with pytest.raises(AthanorError, match=words):
            graph_sources.train_node(plain, two(), named)
    job = graph_sources.Source(prompt=two(), node="1", settings={})
    assert graph_sources.train_node(job, two(), "1") == "1"
    with pytest.raises(AthanorError, match=r"'2': the settings in job\.json are those of node 1"):
        graph_sources.train_node(job, two(), "2")
    with pytest.raises(AthanorError, match="no Train LoRA node"):
        graph_sources.train_node(plain, {"3": two()["3"]}, "")
    assert list(graph_sources.copied_part(two(), "2")) == ["2", "3"]


def test_hurt_files_are_one_sentence_or_a_graph(tmp_path):
    rng = fuzz.generator("sources")
    job = {"training": {"epochs": 4}, "graph": {"node": "8", "prompt": PROMPT, "settings": "12"}}
    whole = {
        "job.json": json.dumps(job).encode(),
        "page.json": (SAVED / "train.json").read_bytes(),
        "a.safetensors": lora(tmp_path / "whole", prompt=json.dumps(PROMPT), athanor_job=json.dumps(job)).read_bytes(),
    }
    for case in range(fuzz.cases(3000)):
        name = rng.choice(list(whole))
        (tmp_path / name).write_bytes(fuzz.hurt(whole[name], rng))
        with fuzz.no_hang(case):
            try:
                source = graph_sources.read(tmp_path / name)
                if source.prompt:
                    graph_sources.train_node(source, source.prompt, "")
            except AthanorError as error:
                fuzz.check_message(str(error))
