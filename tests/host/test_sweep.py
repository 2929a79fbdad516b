"""Sweep in a real ComfyUI: one run for each combination, resumed as a whole, ranked, and passed on."""

from __future__ import annotations

import json

import graphs
import pytest
from runs_on_disk import run_folder

LOOK = {"probe_samples": 2, "validate_every_n_steps": 1}


def sweep(name, text, *, train=None, look=None, **values):
    parts = {"optimizer": {"learning_rate": 1e-3}, "validation": {**LOOK, **(look or {})}}
    graph = graphs.training("sd3", train={"output_name": name, **(train or {})}, **parts)
    graph["sweep"] = graphs.node("AthanorSweep", **{"run": ["train", 0], "settings": text, **values})
    graph["samples"] = graphs.node("AthanorSampleConfig", sample_every_n_epochs=0)  # none: drawing is tried elsewhere
    graph["train"]["inputs"]["samples"] = ["samples", 0]
    graph["show"] = graphs.node("PreviewAny", source=["sweep", 4])
    graph["losses"] = graphs.node("AthanorLossCompare", sweep=["sweep", 1])
    del graph["curve"]
    return graph


def record_of(server, name):
    from athanor.training_core.history import registry

    return registry.read(run_folder(server.base, name))


def text_of(entry):
    return shown(entry)["text"][0]


def shown(entry):
    """What the node shows: the host lists it under the id of the node that the sweep was expanded into."""
    (key,) = [key for key, meta in entry["meta"].items() if meta["display_node"] == "sweep"]
    return entry["outputs"][key]


def test_each_combination_is_a_run_of_its_own(server):
    """Two rates, of which one is the plain graph's: the same file as without the sweep; queued again, nothing is trained."""
    name = "swept"
    graph = sweep(name, "learning_rate: 1e-3, 0.01\n# rank: 4")
    graph["compare"] = graphs.compare(
        "ckpt", ["sweep", 0], x=["sweep", 2], seeds="77", prompts="a", strengths="1", steps=1
    )["compare"]
    entry = server.run(graph)
    records = [record_of(server, f"{name}_lr{rate}") for rate in ("1e-3", "0.01")]
    assert (
        all(record.done for record in records) and not (server.base / "models/loras" / f"{name}.safetensors").exists()
    )
    # Its job.json holds a graph that trains this run alone, and the run is marked as one of the sweep.
    stored = json.loads((records[1].folder / "job.json").read_text())["graph"]
    assert stored["node"] == "train" and "sweep" not in stored["prompt"]
    assert stored["prompt"]["optimizer"]["inputs"]["learning_rate"] == 0.01
    assert json.loads((records[1].folder / "labels.json").read_text())["tags"] == [f"sweep {name}"]
    text = text_of(entry)
    assert "learning_rate 1e-3" in text and "learning_rate 0.01" in text and shown(entry)["images"]
    rows = {row["run_id"]: row for row in shown(entry)["athanor_ranking"]}
    assert set(rows) == {record.run_id for record in records} and rows[records[1].run_id]["name"] == f"{name}_lr0.01"
    assert [(row["settings"]["learning_rate"], row["status"], row["best"] > 0) for row in rows.values()] == [
        (rate, "done", True) for rate in sorted(("1e-3", "0.01"), key=text.rindex)
    ]
    assert entry["outputs"]["losses"]["images"] and "2 pictures" in entry["outputs"]["compare"]["text"][0]
    before = [record.folder.joinpath("metrics.jsonl").read_bytes() for record in records]
    again = server.run(graph)
    assert before == [record.folder.joinpath("metrics.jsonl").read_bytes() for record in records]
    assert text_of(again).splitlines()[0] == text.splitlines()[0]
    # Without the sweep the node trains as it stands, though the host has it in its cache.
    del graph["sweep"], graph["show"], graph["losses"], graph["compare"]
    server.run(graph)
    assert record_of(server, name).done
    hashes = [record.saved[-1]["hash"] for record in (record_of(server, name), *records)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_what_fails_or_is_ended_early_does_not_stop_the_others(server):
    """A combination that cannot be stands in the table; of two runs one ends at half of its steps, and goes on by itself."""
    text = "learning_rate: 1e-3, 1e-9\noptimizer_args: weight_decay=0.01, nonsense=1"
    entry = server.run(sweep("halved", text, train={"max_train_steps": 4}, early_end=True))
    told = text_of(entry)
    assert (
        told.count("| failed |") == 2
        and "nonsense" in told
        and told.startswith("Best: learning_rate 1e-3, optimizer_args")
    )
    whole, ended = (record_of(server, f"halved_lr{rate}_optimizer_args-weight_decay=0_01") for rate in ("1e-3", "1e-9"))
    assert whole.done and ended.status == "stopped" and ended.saved[-1]["step"] == 2
    assert ended.why.startswith("Ended early by its sweep at step 2 of 4: its probe of ") and ended.why in told
    alone = sweep("halved_lr1e-9_optimizer_args-weight_decay=0_01", "", train={"max_train_steps": 4})
    alone["optimizer"]["inputs"] |= {"learning_rate": 1e-9, "optimizer_args": "weight_decay=0.01"}
    del alone["sweep"], alone["show"], alone["losses"]
    server.run(alone)
    assert record_of(server, ended.output_name).done


def test_the_page_is_told_what_will_be_trained(server):
    """While the text is typed: runs and steps, or what is wrong, and which nodes at Train LoRA would get nothing."""

    def told(graph):
        return [(row["text"], row["wrong"]) for row in server.post("/athanor/sweeps", {"prompt": graph})]

    graph = sweep("told", "learning_rate: 1e-3, 0.01\nepochs: 1, 2, 3")
    assert told(graph) == [("6 runs (2 learning_rate x 3 epochs), of about 4 to 12 steps, 48 in all.", False)]
    graph["curve"] = graphs.node("PreviewImage", images=["train", 4])
    assert told(graph)[1] == (
        "Preview Image gets nothing from Train LoRA, which trains only inside of the sweep: connect to the outputs of Sweep instead.",
        True,
    )
    graph = sweep("told", "rank: 4, 8\nseed: x20", mode="random", count=5)
    assert told(graph) == [("5 of 40 combinations (2 rank x 20 seed), of about 4 steps, 20 in all.", False)]
    assert told(sweep("told", ["dataset", 0])) == []  # what another node gives is not known before it has run
    ((text, wrong),) = told(sweep("told", "learning_rat: 1"))
    assert wrong and "the nearest: learning_rate" in text
    graph["sweep"]["inputs"]["run"] = ["buckets", 0]
    assert told(graph)[0][0].startswith("run: connect the output run of Train LoRA") and told({"1": 2, "2": {}}) == []


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("learning_rat: 1", {}, "line 1: no node in front of the sweep has 'learning_rat'"),
        ("noise_offset: -9", {}, "takes at least 0"),
        (
            "learning_rate: 1, 2",
            {"budget": 1, "budget_unit": "steps"},
            "budget 1 steps has no room for one run of 4 steps",
        ),
        ("probe_samples: 0\nseed: x2", {"early_end": True}, "early_end compares runs by their probe"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(server, text, more, words):
    with pytest.raises(RuntimeError, match=words):
        server.run(sweep("refused", text, **more))
