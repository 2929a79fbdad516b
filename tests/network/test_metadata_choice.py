"""What a file tells with each choice, and what it tells a person."""

import json

from athanor.training_core.network.disclosures import KINDS, disclosures
from athanor.training_core.network.metadata_choice import MINIMAL, reduced

PROMPT = {
    "1": {"class_type": "AthanorDatasetLoader", "inputs": {"folder": "/home/jane doe/shots/3_cat"}},
    "2": {"class_type": "AthanorTrainLoRA", "inputs": {"dataset": ["1", 0], "output_name": "cats\\tom"}},
    "3": {"class_type": "AthanorXYZCompare", "inputs": {"run": ["2", 0], "prompts": "my secret"}},
    "4": {"class_type": "AthanorTrainLoRA", "inputs": {"output_name": "other"}},
}
WORKFLOW = {
    "nodes": [
        {"id": 1, "type": "AthanorDatasetLoader", "widgets_values": ["C:\\Users\\Jane Doe\\shots\\3_cat"]},
        {"id": 2, "type": "AthanorTrainLoRA"}, {"id": 3, "type": "AthanorXYZCompare"},
        {"id": 9, "type": "Note", "widgets_values": ["call Bob"]},
    ],
    "links": [[1, 1, 0, 2, 0, "X"]], "groups": [],
}  # fmt: skip
FULL = {
    "prompt": json.dumps(PROMPT),
    "workflow": json.dumps(WORKFLOW),
    "other_pack": "x",
    "athanor_run_id": "0123",
    "athanor_job": json.dumps({"datasets": [{"folder": "/mnt/a/b"}], "sampling": {"sample_prompts": "my dog"}}),
    "ss_output_name": "tom",
    "ss_network_dim": "4",
    "ss_sd_model_name": "base.safetensors",
    "ss_tag_frequency": json.dumps({"3_cat": {"cat": 2, "red": 1}}),
    "ss_training_started_at": "1.0",
    "ss_training_comment": "see /home/jane/notes.txt",
    "modelspec.author": "J",
    "modelspec.date": "2026-01-01T00:00:00",
    "modelspec.title": "tom",
    "sshs_model_hash": "ab",
}


def test_each_choice_keeps_less():
    whole, all_, recipe, minimal = (reduced(FULL, name) for name in ("whole page", "all", "recipe", "minimal"))
    assert whole.keys() == FULL.keys() and "call Bob" in whole["workflow"] and "my secret" in whole["prompt"]
    assert all_.keys() == FULL.keys() - {"other_pack"}
    assert list(json.loads(all_["prompt"])) == ["1", "2"]
    assert [node["id"] for node in json.loads(all_["workflow"])["nodes"]] == [1, 2]
    assert recipe.keys() == {"athanor_run_id"} | {key for key in FULL if key.startswith(("ss_", "sshs_", "modelspec."))}
    assert minimal == {
        "athanor_run_id": "0123", "ss_network_dim": "4", "ss_training_comment": "see notes.txt", "modelspec.author": "J",
        "modelspec.title": "tom", "sshs_model_hash": "ab",
    }  # fmt: skip
    assert minimal.keys() <= MINIMAL


def test_no_choice_tells_an_absolute_path_and_less_can_be_made_of_less():
    for choice in ("whole page", "all", "recipe", "minimal"):
        told = reduced(FULL, choice)
        assert not [kind for kind, _ in disclosures(told) if kind == "paths"], choice
        assert "ane" not in "".join(told.values())
        assert reduced(told, choice) == told
        for less in ("recipe", "minimal"):
            assert reduced(told, less) == reduced(reduced(FULL, less), choice)
    assert reduced({"a": '{"b": 1.50}', "c": "{no json"}, "all") == {"a": '{"b": 1.50}', "c": "{no json"}


def test_a_strangers_file_of_any_form():
    for text in (
        "[]",
        "3",
        '{"1": 3}',
        '{"1": {"class_type": "AthanorTrainLoRA"}}',
        '{"nodes": 3}',
        "[" * 999,
        '"\\ud800"',
    ):
        metadata = dict.fromkeys(FULL, text)
        for choice in ("whole page", "all", "recipe", "minimal"):
            reduced(metadata, choice)
        disclosures(metadata)


def test_what_a_file_tells_in_words():
    told = disclosures(FULL)
    of = {kind: [text for k, text in told if k == kind] for kind in KINDS}
    assert [kind for kind, _ in told] == sorted((kind for kind, _ in told), key=KINDS.index)
    assert of["paths"][:2] == ["/home/jane doe/shots/3_cat (prompt)", "C:\\Users\\Jane Doe\\shots\\3_cat (workflow)"]
    assert of["notes"] == ["call Bob"] and "my dog" in of["prompts"] and "my secret" in of["prompts"]
    assert of["captions"] == ["2 tags of 3_cat: cat, red"] and of["models"] == ["ss_sd_model_name: base.safetensors"]
    assert of["dates"] == ["ss_training_started_at: 1970-01-01 00:00:01 UTC", "modelspec.date: 2026-01-01T00:00:00"]
    assert of["author"] == [
        "ss_training_comment: see /home/jane/notes.txt",
        "modelspec.title: tom",
        "modelspec.author: J",
    ]
    assert "AthanorXYZCompare" in of["graph"][0]
    many = disclosures({"ss_dataset_dirs": json.dumps({str(i): {} for i in range(40)})})
    assert len(many) == 13 and many[-1] == ("folders", "and 28 more")
