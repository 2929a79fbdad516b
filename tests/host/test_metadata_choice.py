"""What a run's files tell: every choice, changed without training, and no absolute path in any."""

import hashlib
import json
from pathlib import Path

import graphs
from athanor.training_core.files import safetensors_header, safetensors_metadata
from athanor.training_core.network.disclosures import disclosures
from PIL import Image

BEHIND = {"curve", "compare", "other"}
"""Nodes of the prompt that do not lead to the run."""
OTHERS = {
    "note": {"id": "note", "type": "Note", "widgets_values": ["call Bob"]},
    "other": {"id": "other", "type": "LoadImage", "widgets_values": ["/home/jane/private.png"]},
}


def workflow_of(prompt: dict) -> dict:
    """What a page would send beside a prompt: its nodes, a note, and a node that leads nowhere."""
    nodes = [{"id": key, "type": node["class_type"]} for key, node in prompt.items()]
    links = [
        [f"{key}.{name}", value[0], value[1], key, 0, "X"]
        for key, node in prompt.items()
        for name, value in node["inputs"].items()
        if isinstance(value, list)
    ]
    return {"nodes": [*nodes, *OTHERS.values()], "links": links, "groups": [{"title": "Jane's"}], "version": 0.4}


def tensors(path: Path) -> str:
    """A digest of all that follows the header."""
    data = path.read_bytes()
    return hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()


def test_every_choice_is_written_without_training(server):
    """A run with folders of masks and pictures that are named absolutely, a running mean, a copy for diffusers, and samples."""
    inputs = server.base / "input"
    graphs.draw_dataset(inputs / "jane doe" / "shoot" / "2_thing", count=2)
    graphs.draw_dataset(inputs / "jane doe" / "masks", count=2)
    train = {"output_name": "acme\\told", "save_diffusers_copy": True, "own_folder": True, "epochs": 2}
    prompt = graphs.training(
        "sd3", str(inputs / "jane doe" / "shoot"), train=train, validation=graphs.SMALL_PROBE, optimizer={"ema_decay": 0.9},
        dataset={"mask_folder": str(inputs / "jane doe" / "masks"), "caption_prefix": "ohwx "},
    )  # fmt: skip
    prompt["samples"] = graphs.node(
        "AthanorSampleConfig", sample_prompts="a secret prompt", width=64, height=64, steps=1
    )
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    prompt |= graphs.compare(
        "ckpt", ["train", 0], checkpoints="last", prompts="x", strengths="1", include_base=False, steps=1
    )
    prompt["other"] = graphs.node("PreviewAny", source="unrelated")

    def told(**values: str) -> tuple[dict[str, dict[str, str]], str]:
        """The metadata of all files after queueing with these widgets, and what the node says."""
        prompt["train"]["inputs"] |= values
        entry = server.run(prompt, workflow_of(prompt))
        folder = server.base / "models" / "loras" / "acme" / "told"
        copies = server.base / "output" / "athanor" / "diffusers"
        files = [*folder.glob("*.safetensors"), *copies.rglob("told*.safetensors")]
        for path in server.base.glob("output/athanor/runs/*/files/told*.safetensors"):
            assert path.samefile(folder / path.name), "what clients fetch is the same file"
        return {path.name: safetensors_metadata(path) for path in files}, entry["outputs"]["train"]["text"][0]

    def of_pictures() -> dict[str, dict[str, str]]:
        """What the grid and its cells carry beside their pixels."""
        (folder,) = (server.base / "output" / "athanor" / "compare").glob("told*")
        pictures = {path.name: path for path in (folder / "grid.png", *folder.glob("cells/*.png"))}
        assert len(pictures) == 2, "the file is the same for comparisons: nothing was drawn again"
        return {"plan": {"prompt": (folder / "plan.json").read_text()}} | {
            name: dict(Image.open(path).text) for name, path in pictures.items()
        }

    first, _ = told()
    drawn = of_pictures()
    assert drawn["grid.png"].keys() == {"prompt", "workflow"}, "the whole page, as the host's own pictures have it"
    names = ("told-000001", "told-000001-ema", "told-000001-diffusers", "told", "told-ema", "told-diffusers")
    assert sorted(first) == sorted(f"{name}.safetensors" for name in names)
    folder = server.base / "models" / "loras" / "acme" / "told"
    before = {path.name: tensors(path) for path in folder.iterdir()}
    for metadata in first.values():
        assert list(json.loads(metadata["prompt"])) == [key for key in prompt if key not in BEHIND]
        kept = json.loads(metadata["workflow"])
        assert {node["id"] for node in kept["nodes"]} == set(prompt) - BEHIND and kept["groups"] == []
        assert "a secret prompt" in metadata["athanor_job"] and metadata["ss_output_name"] == "told"

    recipe, text = told(metadata="recipe", metadata_author="J", training_comment="hi")
    assert "metadata recipe was written into 6 files, without training" in text
    assert all({"prompt", "workflow", "athanor_job"}.isdisjoint(metadata) for metadata in recipe.values())
    minimal, _ = told(metadata="minimal", metadata_trigger_phrase="zxc", metadata_title="Cats")
    for name, metadata in minimal.items():
        chosen = {key: metadata[key] for key in metadata if key.startswith("modelspec.t") or key == "modelspec.author"}
        assert chosen == {"modelspec.title": "Cats", "modelspec.trigger_phrase": "zxc", "modelspec.author": "J"}
        assert metadata["sshs_model_hash"] == first[name]["sshs_model_hash"] and "ss_tag_frequency" not in metadata
    assert of_pictures()["grid.png"] == {}, "a comparison of such a run does not tell its graph either"
    page, _ = told(metadata="whole page")
    assert all(
        "call Bob" in metadata["workflow"] and '"private.png"' in metadata["workflow"] for metadata in page.values()
    )
    again = {
        "metadata": "all",
        "metadata_author": "",
        "training_comment": "",
        "metadata_trigger_phrase": "",
        "metadata_title": "",
    }
    last, text = told(**again)
    assert "6 files" in text
    for name, metadata in last.items():
        different = {key for key in metadata.keys() | first[name].keys() if metadata.get(key) != first[name].get(key)}
        assert different <= {"sshs_legacy_hash", "prompt", "ss_training_finished_at", "modelspec.date"}
        assert json.loads(metadata["prompt"])["train"]["inputs"]["metadata"] == "all"
    assert {path.name: tensors(path) for path in folder.iterdir()} == before, "no tensor has changed"
    runs = server.base / "output" / "athanor" / "runs"
    events = (runs / last["told.safetensors"]["athanor_run_id"] / "events.jsonl").read_text()
    assert events.count('"started"') == 1, "it has been trained once"
    for some in (first, recipe, minimal, page, last, drawn, of_pictures()):
        for metadata in some.values():
            assert not [text for kind, text in disclosures(metadata) if kind == "paths"]
            words = "".join([*metadata, *metadata.values()])
            assert str(server.base) not in words and "jane doe" not in words
    assert safetensors_header(folder / "told.safetensors").keys() > {"__metadata__"}
