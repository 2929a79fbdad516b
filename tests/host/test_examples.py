"""Every example workflow, as it is shipped, at a tiny size: file names, pixels, steps and epochs are swapped, nothing else.

Two things more: fp16 arithmetic takes a CPU minutes a step (test_whole_run.py has it), and the host builds T5-XXL whole,
10 GB, whatever the file holds: SD3's text encoder is the one in the tiny checkpoint.
"""

import json
import random
import shutil
from functools import cache
from pathlib import Path

import graphs
import loras
import pictures
import pytest
import stand_in
import workflow
from PIL import Image
from recipes import RECIPES
from waiting import until

FOLDER = Path(__file__).resolve().parents[2] / "example_workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
FIRST = [name for name in NAMES if name.startswith("1 ")]
CAPTION = "2 Caption pictures"
SETTINGS = "2 Which settings"
EXPERTS = "3 Recipe - Wan 2.2 experts"
SD15 = "anyloraCheckpoint_bakedvaeBlessedFp16"
LOADERS = ("CheckpointLoaderSimple", "UNETLoader", "CLIPLoader", "DualCLIPLoader", "VAELoader")
TRAIN, AXIS, COMPARE, CURVES = "AthanorTrainLoRA", "AthanorLoRARunAxis", "AthanorXYZCompare", "AthanorLossCompare"


@pytest.fixture(scope="module")
def stage(server, checkpoints):
    """Tiny models and two pictures under the names that the workflows use."""
    few = server.base / "input" / "few" / "1_thing"
    few.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    for i, scene in enumerate(rng.sample(pictures.world(), 2)):
        pictures.draw(scene, rng, 64).save(few / f"{i}.png")
        (few / f"{i}.txt").write_text(scene.caption, encoding="utf-8")
    sd15 = {SD15: checkpoints["sd15"]}
    stand_in.place(server.base, {"": checkpoints["sd3"], **sd15}, few.parent)
    return server


@cache
def described(server) -> dict:
    """Which widgets and ports nodes have; the host takes a tenth of a second to tell, and sixty tests ask."""
    return server.get("/object_info")


def read(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def small(server, name: str, epochs: int, muted: bool = False) -> dict:
    """The prompt; LoRAs of each workflow in a folder of their own."""
    found = read(name)
    if muted:
        for node in found["nodes"]:
            node["mode"] = 0
    prompt = workflow.to_prompt(found, described(server))
    for node in found["nodes"]:
        if node["type"] == "CheckpointLoaderSimple" and node["widgets_values"] == [None]:
            prompt[str(node["id"])]["inputs"]["ckpt_name"] = f"{SD15}.safetensors"
    for node, values in stand_in.smaller(found, 64, epochs, 2):
        if str(node["id"]) in prompt:
            prompt[str(node["id"])]["inputs"].update(values)
    for inputs in workflow.nodes_of(prompt, TRAIN):
        inputs["output_name"] = f"{name}/{inputs['output_name']}"
    for inputs in workflow.nodes_of(prompt, AXIS):
        inputs["source"] = inputs["source"] and f"{name}/{inputs['source']}"
    for inputs in workflow.nodes_of(prompt, CURVES):
        inputs["runs"] = "\n".join(f"{name}/{run}" for run in inputs["runs"].split())
    for key in [key for key, node in prompt.items() if node["class_type"] == "TripleCLIPLoader"]:
        loader = next(k for k, node in prompt.items() if node["class_type"] == "CheckpointLoaderSimple")
        for node in prompt.values():
            node["inputs"] = {n: [loader, 1] if v == [key, 0] else v for n, v in node["inputs"].items()}
    if name.startswith("1 ") or name in (EXPERTS, SETTINGS):
        first_choices(prompt)
    if name == SETTINGS:  # two runs and a few pictures tell what six and many do
        workflow.nodes_of(prompt, "AthanorSweep")[0]["settings"] = "learning_rate: 1e-4, 2e-4"
        workflow.nodes_of(prompt, "AthanorDatasetLoader")[0]["repeats"] = 2
        workflow.nodes_of(prompt, COMPARE)[0]["seeds"] = "1"
    if name == "2 Pick my epoch":  # 36 pictures, which the small SD3 draws in a fraction of the time
        workflow.nodes_of(prompt, "CheckpointLoaderSimple")[0]["ckpt_name"] = "sd3_medium.safetensors"
    if name == CAPTION:
        without_captioner(prompt)
    return prompt


def first_choices(prompt: dict) -> None:
    """What a user chooses in a template for a first LoRA: a model, here one in which all parts are, and a folder."""
    workflow.nodes_of(prompt, "AthanorDatasetLoader")[0]["folder"] = "few"
    loaders = [key for key, node in prompt.items() if node["class_type"] in LOADERS]
    outputs = {"model": 0, "model_low": 0, "clip": 1, "vae": 2}
    for node in prompt.values():
        for name, value in node["inputs"].items():
            if isinstance(value, list) and value[0] in loaders:
                node["inputs"][name] = ["model", outputs[name]]
    for key in loaders:
        del prompt[key]
    prompt["model"] = graphs.node("CheckpointLoaderSimple", ckpt_name="sd3_medium.safetensors")


def without_captioner(prompt: dict) -> None:
    """The host builds language models that see in one size, of 800 million weights at least: something else says the words."""
    (texts,) = (key for key, node in prompt.items() if node["class_type"] == "TextGenerate")
    assert set(prompt[texts]["inputs"]) == {
        "clip", "image", "prompt", "max_length", "sampling_mode", "thinking", "use_default_template",
    }  # fmt: skip
    (pictures,) = (key for key, node in prompt.items() if node["class_type"] == "AthanorDatasetImages")
    assert prompt[texts]["inputs"]["image"] == [pictures, 0]
    said = {"string_a": "a fox<|im_end|>", "string_b": [pictures, 1], "delimiter": "\n"}
    prompt[texts] = {"_meta": {"title": "Generate Text"}, **graphs.node("StringConcatenate", **said)}
    workflow.nodes_of(prompt, "AthanorDatasetLoader")[0]["folder"] = "not_captioned"


def key_of(prompt: dict, title: str) -> str:
    return next(key for key, node in prompt.items() if node["_meta"]["title"] == title)


def events(server, run_id: str) -> list[dict]:
    path = server.base / "output" / "athanor" / "runs" / run_id / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def labels(server, prompt: dict, entry: dict, title: str, axis: int) -> list[str]:
    """What an axis of a comparison shows: 0 its columns, 1 its rows."""
    folder = graphs.folder(server, entry, key_of(prompt, title))
    return json.loads((folder / "plan.json").read_text())["axes"][axis]["values"]


def before(server, checkpoints, name: str) -> None:
    """What the workflows that train nothing compare: LoRA files, and runs that were stopped."""
    if name == CAPTION:
        shutil.copytree(server.base / "input" / "few", server.base / "input" / "not_captioned")
        (server.base / "input" / "not_captioned" / "1_thing" / "1.txt").unlink()
    if name == "2 Pick my epoch":
        for epoch in range(2, 13, 2):
            path = server.base / "models" / "loras" / name / f"my_character-{epoch:06d}.safetensors"
            loras.write(path, checkpoints["sd3"], "sd3", epoch, epoch=epoch)
    if name != "2 Compare unfinished runs":
        return
    whole = small(server, name, 6, muted=True)
    for key in [k for k, node in whole.items() if node["class_type"] == TRAIN]:
        run = whole[key]["inputs"]["output_name"].rpartition("/")[2]
        parts, wanted = {}, [key]
        while wanted:
            at = wanted.pop()
            parts[at] = whole[at]
            wanted += [value[0] for value in whole[at]["inputs"].values() if isinstance(value, list)]
        parts["show"] = graphs.node("PreviewImage", images=[key, 4])
        if run == "v61":
            server.run(parts)
            continue
        parts[key]["inputs"]["epochs"] = 2000
        prompt_id = server.queue(parts)
        until((server.base / "models" / "loras" / name / f"{run}-000007.safetensors").exists)
        server.post(f"/api/jobs/{prompt_id}/cancel", {})
        assert server.finish(prompt_id)["status"] == "cancelled"


@pytest.mark.parametrize("name", NAMES)
def test_the_workflow_fits_the_nodes(server, name):
    """Every widget has a value and every port is there, so that the page loads it without a warning; a note says what it does."""
    info, found = described(server), read(name)
    for node in found["nodes"]:
        if node["type"] == "MarkdownNote":
            continue
        assert node["type"].startswith("Athanor") or info[node["type"]]["python_module"].startswith(
            ("nodes", "comfy_extras")
        )
        specs = {n: s for g in ("required", "optional") for n, s in info[node["type"]]["input"].get(g, {}).items()}
        widgets = [
            n for n, s in specs.items() if workflow.is_widget(s[0]) and not (len(s) > 1 and s[1].get("forceInput"))
        ]  # fmt: skip
        seeds = sum(bool(specs[n][1].get("control_after_generate")) for n in widgets if len(specs[n]) > 1)
        if node["type"] != "PreviewAny":  # the page gives it widgets of its own
            assert len(node["widgets_values"]) == len(widgets) + seeds, node["type"]
        ports = [slot["name"] for slot in node["inputs"] if "widget" not in slot]
        assert ports == [n for n in specs if n not in widgets], node["type"]
        assert [slot["name"] for slot in node["outputs"]] == info[node["type"]]["output_name"], node["type"]
        assert [v for v in node["widgets_values"] if v is None] == [None] * (node["widgets_values"] == [None])
        # null is no number, of which the newest page complains
        assert all(slot.get("slot_index") is not None for slot in node["outputs"] if "slot_index" in slot)
    (note,) = [node for node in found["nodes"] if node["type"] == "MarkdownNote"]
    assert note is found["nodes"][0] and note["widgets_values"][0].startswith("#")
    with Image.open(FOLDER / f"{name}.jpg") as picture:
        assert picture.size == (320, 320)
    assert 5_000 < (FOLDER / f"{name}.jpg").stat().st_size < 25_000


@pytest.mark.parametrize("name", FIRST)
def test_a_first_lora_is_legible_and_complete(name):
    """Opened on a page of 1280 x 720, which shows all nodes on three quarters of it, letters are drawn: the canvas leaves out
    those smaller than 8 pixels, of 14 at full size. Samples are drawn, epochs saved, and the grid comes by itself.
    """
    nodes = read(name)["nodes"]
    sides = [
        max(n["pos"][i] + n["size"][i] for n in nodes) - min(n["pos"][i] - 30 * i for n in nodes) + 20 for i in (0, 1)
    ]
    assert 0.75 * min(1280 / sides[0], 720 / sides[1]) * 14 >= 8, sides
    assert 8 <= len(nodes) <= 11
    (train,) = [n for n in nodes if n["type"] == TRAIN]
    assert [n["type"] for n in nodes][-2:] == [TRAIN, COMPARE]
    linked = {slot["name"] for slot in train["inputs"] if slot["link"] is not None}
    assert linked == {"model", "clip", "vae", "buckets", "network", "optimizer", "samples"}


@pytest.fixture(scope="module")
def usual(server):
    """Twenty pictures of 1024 pixels with captions, in the folder "usual", as they are read."""
    from athanor.training_core.data.scan import scan
    from athanor.training_core.settings import DatasetSettings

    folder = server.base / "input" / "usual"
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (1024, 1024), "teal").save(folder / "0.png")
    for i in range(20):
        (folder / f"{i}.png").write_bytes((folder / "0.png").read_bytes())
        (folder / f"{i}.txt").write_text("a teal square", encoding="utf-8")
    return scan(DatasetSettings(folder=folder.name), folder)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("3 ")])  # made for more pictures
def test_a_template_gives_no_hint_on_usual_pictures(server, usual, name):
    """Neither in the page before it is queued, nor when its pictures are sorted into buckets."""
    from athanor.training_core.data.hints import dataset_hints
    from athanor.training_core.data.plan import sort_into_buckets
    from athanor.training_core.settings import BucketSettings

    prompt = workflow.to_prompt(read(name), described(server))
    for inputs in workflow.nodes_of(prompt, "AthanorDatasetLoader"):
        inputs["folder"] = "usual"
    assert server.post("/athanor/hints", {"prompt": prompt}) == []
    for inputs in workflow.nodes_of(prompt, "AthanorBucketer"):
        sizes = {key: value for key, value in inputs.items() if not isinstance(value, list)}
        assert name not in FIRST or dataset_hints(sort_into_buckets(usual, BucketSettings(**sizes))) == []


PUBLISHED = {
    "3 Recipe - SD1.5 character": {"Train LoRA (Athanor)": "E"},
    "3 Recipe - SDXL style LoKr": {"Train A1": "A1", "Train A2": "A2"},
    "3 Study - Noise and loss": {f"Train {name}": name for name in ("v53", "v56", "v57", "v58")},
    "2 Compare unfinished runs": {f"Train {name}": name for name in ("v61", "v62", "v63")},
    "3 Recipe - SD3 full fine-tune": {"Train LoRA (Athanor)": "C"},
    "3 Study - Three services": {"Train D1 TensorArt": "D1", "Train D2 CivitAI": "D2", "Train D3 local": "D3"},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_settings_are_the_published_ones(server, name):
    found = read(name)
    for node in found["nodes"]:
        node["mode"] = 0
    prompt = workflow.to_prompt(found, described(server))
    for title, recipe in PUBLISHED[name].items():
        train = prompt[key_of(prompt, title)]["inputs"]
        have = {
            port: prompt[train[port][0]]["inputs"]
            for port in ("network", "loss", "noise", "optimizer", "buckets")
            if port in train
        }
        have["dataset"] = prompt[have["buckets"]["dataset"][0]]["inputs"]
        while isinstance(have["dataset"].get("dataset"), list):  # the first of a chain
            have["dataset"] = prompt[have["dataset"]["dataset"][0]]["inputs"]
        for group, settings in RECIPES[recipe].items():
            for setting, value in settings.items() if group in have else ():
                assert have[group][setting] == value, (recipe, group, setting)
        model = prompt[train["model"][0]]["inputs"]
        assert model.get("weight_dtype", "default") == RECIPES[recipe].get("weight_dtype", "default")
        size = have["buckets"]["width"]
        assert size == {"v": 2048, "E": 512}.get(recipe[0], 1024) == have["buckets"]["height"]


ALIKE = (
    "3 Recipe - SD1.5 character",
    "3 Study - Three services",
    "2 Compare unfinished runs",
    "3 Study - Noise and loss",
    "2 Continue a run",
    EXPERTS,
    SETTINGS,
    *(name for name in FIRST if "SD1.5" not in name),
)
"""Left to -m long: test_recipes trains their settings (E, D1 to D3, v61 to v63, v53 to v58), the first LoRAs differ in numbers
alone, tests/compare draws curves of unfinished runs, test_going_on continues finished ones, test_compare_runs draws with two models,
test_sweep trains, ranks and compares two runs."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] * (n in ALIKE)) for n in NAMES])
def test_the_workflow_runs(stage, checkpoints, name):
    server = stage
    before(server, checkpoints, name)
    prompt = small(server, name, 4 if name == "3 Recipe - SDXL style LoKr" else 1)
    entry = server.run(prompt)
    shown = {key for key, node in prompt.items() if node["class_type"] in ("PreviewImage", "SaveImage", COMPARE)}
    assert all(entry["outputs"][key]["images"] for key in shown)
    for key in (k for k, node in prompt.items() if node["class_type"] == COMPARE):
        assert "failed" not in entry["outputs"][key]["text"][0]
    SEEN.get(name, lambda *_: None)(server, prompt, entry)


def _recipe_a(server, prompt, entry):
    assert labels(server, prompt, entry, "Epochs of A1", 1) == ["base model", "epoch 4"]
    assert labels(server, prompt, entry, "Best against best", 0) == ["base model", "A1_debiased", "A2_plain"]
    assert len(labels(server, prompt, entry, "Best against best", 1)) == 5


def _recipe_b(server, prompt, entry):
    assert labels(server, prompt, entry, "The runs over prompts", 0) == ["base model", "v53", "v56", "v57", "v58"]


def _unfinished(server, prompt, entry):
    assert labels(server, prompt, entry, "Unfinished runs", 0) == [
        "base model",
        "v61 epoch 6",
        "v62 epoch 5",
        "v63 epoch 6",
    ]


def _recipe_c(server, prompt, entry):
    (run_id,) = entry["outputs"][key_of(prompt, "Train LoRA (Athanor)")]["athanor_run"]
    warned = [event["text"] for event in events(server, run_id) if event["event"] == "warned"]
    assert any("debiased_estimation_loss" in text for text in warned)


def _recipe_d(server, prompt, entry):
    assert labels(server, prompt, entry, "LoRAs and base models", 0) == ["d1_tensorart", "d2_civitai", "d3_local"]
    assert len(labels(server, prompt, entry, "LoRAs and base models", 1)) == 3
    told = entry["outputs"][key_of(prompt, "Its settings")]["text"][0]
    # The stand-in for SDXL is a flow model, which is trained without offset and pyramid noise: the file tells both.
    asked = ("noise_offset 0.0 (asked for: 0.1)", "multires_noise_iterations 0 (asked for: 6)")
    for setting in ("rank 64", "Prodigy", "cosine_with_restarts", *asked):
        assert setting in told.replace("=", " "), told


def _experts(server, prompt, entry):
    assert labels(server, prompt, entry, "Epochs, drawn by both models", 1) == ["base model", "epoch 1"]
    folder = graphs.folder(server, entry, key_of(prompt, "Epochs, drawn by both models"))
    used = {node["class_type"] for cell in graphs.cells(folder) for node in cell["graph"].values()}
    assert "KSamplerAdvanced" in used and "KSampler" not in used


def _preparation(server, prompt, entry):
    report = entry["outputs"][key_of(prompt, "Tags and how often")]["text"][0]
    assert "mychar" in report


def _goes_on(server, prompt, entry):
    (before,) = entry["outputs"][key_of(prompt, "Train: my_character")]["athanor_run"]
    prompt[key_of(prompt, "Train: my_character")]["inputs"]["epochs"] = 2
    (longer,) = server.run(prompt)["outputs"][key_of(prompt, "Train: my_character")]["athanor_run"]
    assert longer != before and any("Continues the run of 1 steps" in e.get("text", "") for e in events(server, longer))


def _captioned(server, prompt, entry):
    folder = server.base / "input" / "not_captioned" / "1_thing"
    assert (folder / "1.txt").read_text() == "a fox" and (folder / "0.txt").read_text() != "a fox"


def _pick(server, prompt, entry):
    assert labels(server, prompt, entry, "Epochs and strengths", 1) == [
        "base model",
        *(f"epoch {e}" for e in (2, 4, 6, 10, 12)),
    ]
    assert (
        "3 LoRA strength x 6 checkpoint" in entry["outputs"][key_of(prompt, "XYZ Plan: what it will cost")]["text"][0]
    )


def _ranked(server, prompt, entry):
    (key,) = [key for key, meta in entry["meta"].items() if meta["display_node"] == key_of(prompt, "Sweep")]
    told = entry["outputs"][key]["text"][0]
    assert told.count("| learning_rate ") == 2 and "held-out" not in told and "failed" not in told
    assert labels(server, prompt, entry, "The runs over prompts", 0) == ["1e-4", "2e-4"]
    folder = graphs.folder(server, entry, key_of(prompt, "The runs over prompts"))
    assert json.loads((folder / "scores.json").read_text())["scorer"]["weak"]


SEEN = {
    "3 Recipe - SDXL style LoKr": _recipe_a,
    "3 Study - Noise and loss": _recipe_b,
    "2 Compare unfinished runs": _unfinished,
    "3 Recipe - SD3 full fine-tune": _recipe_c,
    "3 Study - Three services": _recipe_d,
    EXPERTS: _experts,
    "2 Prepare a dataset": _preparation,
    "2 Continue a run": _goes_on,
    "2 Pick my epoch": _pick,
    SETTINGS: _ranked,
    CAPTION: _captioned,
}
