"""Bad input gets one clear sentence before anything is encoded (must-show 6)."""

import json
import shutil

import graphs
import pytest
from answers import failed, refused
from PIL import Image


def loras(server) -> set[str]:
    return {p.stem for p in (server.base / "models" / "loras").rglob("*.safetensors")}


@pytest.fixture(scope="module", autouse=True)
def before(server) -> set[str]:
    """The LoRAs of this worker's other files."""
    return loras(server)


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("dataset", {"folder": "nowhere"}, "folder 'nowhere' is not in ComfyUI's input and datasets folders"),
        ("dataset", {"folder": ""}, "folder names no folder yet"),
        ("dataset", {"folder": "../../etc"}, "outside ComfyUI's input and datasets folders"),
        ("dataset", {"folder": "/etc"}, "outside ComfyUI's input and datasets folders"),
        ("optimizer", {"optimizer_args": "weight_decay"}, "'weight_decay' is not of the form name=value"),
        ("train", {"output_name": "../../evil"}, "is outside the loras folder"),
        ("train", {"output_name": "/tmp/evil"}, "is outside the loras folder"),
        ("train", {"output_name": "a:b"}, "characters that file names cannot have"),
        ("train", {"output_name": " "}, "give the LoRA a name"),
        # What the host checks, in the pack's sentences:
        ("buckets", {"batch_size": 0}, "batch_size"),
        ("optimizer", {"learning_rate": -1.0}, "learning_rate"),
        ("network", {"algo": "lorax"}, "algo 'lorax' is not among its choices; the nearest: lora"),
    ],
)
def test_refused_when_queued(server, part, values, words):
    said = refused(server, graphs.training("sd3", **{part: values}))
    assert words in said and len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("buckets", {"width": 100}, "width is 100: it must be a multiple of bucket_reso_steps (32), for example 96."),
        ("buckets", {"max_bucket_reso": 64, "width": 128, "height": 128}, "max_bucket_reso is 64"),
        ("optimizer", {"optimizer_args": "weight_dacay=1"}, "did you mean weight_decay?"),
        ("network", {"preset": "unet-convblock-only"}, "preset unet-convblock-only: it matches no layer"),
    ],
)
def test_refused_before_training(server, part, values, words):
    name = "refused_before_training"
    said = failed(server, graphs.training("sd3", train={"output_name": name}, **{part: values}))
    assert words in said and len(said.splitlines()) == 1
    assert not graphs.lora_file(server, name).exists()


def test_xyz_compare_values(server):
    prompt = graphs.training("sd3", train={"output_name": "cmp"})
    del prompt["curve"]  # the host still runs outputs that are fine, and Train LoRA is one
    for values, words in (
        ({"prompts": "a", "strengths": "1, x"}, "strengths: 'x' is not a number"),
        ({"prompts": "a", "seeds": "1.5"}, "seeds: '1.5' is not a whole number"),
        ({"prompts": "a", "checkpoints": "evry 2"}, "checkpoints: 'evry 2' is not understood"),
    ):
        assert words in refused(server, prompt | graphs.compare("ckpt", ["train", 0], **values))


def test_empty_and_unreadable_folders(server):
    root = server.base / "input"
    (root / "empty").mkdir(exist_ok=True)
    assert "no pictures found" in failed(server, graphs.training("sd3", folder="empty"))
    (root / "broken").mkdir(exist_ok=True)
    (root / "broken" / "a.png").write_bytes(b"nothing")
    assert "none of its 1 pictures can be read (a.png" in failed(server, graphs.training("sd3", folder="broken"))


def test_an_unreadable_picture_is_named_and_the_others_go_on(server):
    folder = server.base / "input" / "partly"
    shutil.copytree(server.base / "input" / "ds" / "2_thing", folder, dirs_exist_ok=True)
    (folder / "rotten.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    prompt = graphs.training("sd3", folder="partly", train={"output_name": "partly"})
    prompt["show"] = graphs.node("PreviewAny", source=["dataset", 1])
    entry = server.run(prompt)
    assert "rotten.jpg cannot be read and is left out" in json.dumps(entry["outputs"]["show"])


def test_a_model_that_cannot_be_trained_is_named_before_anything_is_encoded(server):
    prompt = graphs.training("sd3", train={"output_name": "unsupported"})
    prompt["patch"] = graphs.node("ModelSamplingDiscrete", model=["ckpt", 0], sampling="x0", zsnr=False)
    prompt["train"]["inputs"]["model"] = ["patch", 0]
    said = failed(server, prompt)
    assert "MODEL uses the sampling" in said and "is not supported for training" in said


def test_nothing_is_left_behind(server, before):
    """None of the refused jobs has written a LoRA."""
    assert not (loras(server) - before) & {"my_lora", "unsupported", "evil"}


def test_a_changed_caption_is_seen(server):
    """fingerprint_inputs: the same graph runs the loader again once a file has changed."""
    folder = server.base / "input" / "seen_again"
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), "red").save(folder / "a.png")
    (folder / "a.txt").write_text("one", encoding="utf-8")
    prompt = {"dataset": graphs.node("AthanorDatasetLoader", folder="seen_again")}
    prompt["buckets"] = graphs.training("sd3")["buckets"]
    prompt["sheet"] = graphs.node("PreviewImage", images=["buckets", 2])

    def ran() -> bool:
        entry = server.run(prompt)
        cached = next(data["nodes"] for kind, data in entry["status"]["messages"] if kind == "execution_cached")
        return "dataset" not in cached

    assert ran() and not ran()
    (folder / "a.txt").write_text("two", encoding="utf-8")
    assert ran()
