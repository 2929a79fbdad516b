"""The data side on a real ComfyUI: datasets out of the graph, caption tools, masks, caches."""

from __future__ import annotations

import json
from pathlib import Path

import graphs
import numpy as np
import pytest
from PIL import Image
from runs_on_disk import events


def encoded(server, output_name: str) -> dict[str, int]:
    """What the newest run of that name had to encode."""
    told = events(server.base, output_name)
    start = max(i for i, e in enumerate(told) if e["event"] == "started")
    result: dict[str, int] = {}
    begin = next((i + 1 for i in range(start - 1, -1, -1) if told[i]["event"] == "done"), 0)
    for event in told[begin:]:
        if event["event"] == "encoded":
            result[event["what"]] = result.get(event["what"], 0) + event["total"]
    return result


def draw(folder: Path, count: int = 3, size=(64, 64), seed: int = 0, what: str = "fox") -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"{what} {i}, red, left, small", encoding="utf-8")


def test_a_second_run_encodes_nothing(server):
    """Must-show 3, on disk and over the graph: another learning rate, then a changed pixel, then another caption."""
    folder = server.base / "input" / "cached"
    draw(folder, seed=3, what="owl")  # neither pictures nor captions are those of another test

    def run(name, **parts):
        server.run(graphs.training("sd3", "cached", train={"output_name": name}, **parts))
        return encoded(server, name)

    assert run("cache_a") == {"pictures": 3, "captions": 3}
    assert run("cache_b", optimizer={"learning_rate": 2e-3}) == {}
    pixels = np.array(Image.open(folder / "1.png"))
    pixels[0, 0] ^= 255
    Image.fromarray(pixels).save(folder / "1.png")
    assert run("cache_c") == {"pictures": 1}
    (folder / "2.txt").write_text("owl 2, blue", encoding="utf-8")
    assert run("cache_d") == {"captions": 1}
    assert run("cache_e", buckets={"width": 96, "height": 96}) == {"pictures": 3}
    for file in (server.base / "user" / "athanor" / "cache").rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:100])
    assert run("cache_f") == {"pictures": 3, "captions": 3}


def test_shuffled_captions_are_encoded_ahead(server):
    """New texts in every epoch, each encoded once; the run stays reproducible with the cache and without it."""
    draw(server.base / "input" / "shuffled", seed=1)
    hashes = []
    for name, cache in (("shuffle_disk", True), ("shuffle_disk2", True), ("shuffle_memory", False)):
        prompt = graphs.training(
            "sd3", "shuffled", dataset={"shuffle_caption": True}, train={"output_name": name, "epochs": 3}
        )
        prompt["cache"] = graphs.node("AthanorCacheConfig", cache_to_disk=cache)
        prompt["train"]["inputs"]["cache"] = ["cache", 0]
        text = server.run(prompt)["outputs"]["train"]["text"][0]
        hashes.append(text.split("sshs_model_hash ")[1].split()[0])
        want = {} if name == "shuffle_disk2" else {"pictures": 3}
        assert {k: v for k, v in encoded(server, name).items() if k == "pictures"} == want
    assert len(set(hashes)) == 1
    # In memory, every distinct text is encoded once: at most 3 pictures x 3 epochs, and the probe's 3.
    assert 6 < encoded(server, "shuffle_memory")["captions"] <= 12


def test_captions_of_a_captioner_are_written_beside_the_pictures(server):
    """Dataset Images -> something that makes texts -> Save Captions, which needs no captioner where no file is missing."""
    folder = server.base / "input" / "captioned"
    draw(folder, 4, seed=9)
    for number in (1, 2, 3):
        (folder / f"{number}.txt").unlink()
    prompt = {
        "load": graphs.node("AthanorDatasetLoader", folder="captioned"),
        "pictures": graphs.node("AthanorDatasetImages", dataset=["load", 0], most=2, longest_side=64),
        "texts": graphs.node("StringConcatenate", string_a="a fox\nin", string_b=["pictures", 1], delimiter=" "),
        "save": graphs.node("AthanorSaveCaptions", dataset=["load", 0], captions=["texts", 0], names=["pictures", 1]),
        "sort": graphs.node("AthanorBucketer", dataset=["save", 0], width=64, height=64, min_bucket_reso=32),
        "sheet": graphs.node("PreviewImage", images=["pictures", 0]),
    }
    told = [server.run(prompt)["outputs"]["save"]["text"][0] for _ in range(2)]
    assert told[0].startswith("2 caption files written.\n1.txt: a fox in 1.png") and told[1].startswith(
        "1 caption file "
    )
    kept = (folder / "0.txt").read_text()
    assert kept.startswith("fox 0") and (folder / "3.txt").read_text() == "a fox in 3.png"
    # A node that shows what comes from Dataset Images, as some taggers do, does not run then, and stops no other.
    entry = server.run(prompt)
    assert "nothing was written" in entry["outputs"]["save"]["text"][0] and "sheet" not in entry["outputs"]
    assert entry["outputs"]["pictures"]["text"] == ["Every picture has a caption file: nothing to do."]

    prompt["save"]["inputs"]["mode"] = "all, with backup"
    with pytest.raises(RuntimeError, match="every picture has one: set it to 'all'"):
        server.run(prompt)
    prompt["pictures"]["inputs"]["pictures"] = "all"
    server.run(prompt)
    assert (folder / "0.txt").read_text() == "a fox in 0.png"
    [backup] = sorted((server.base / "output" / "athanor" / "caption_backups").glob("captioned-*/*.json"))[-1:]
    assert kept in json.loads(backup.read_text(encoding="utf-8"))["files"][0]["text"]


def test_pictures_of_the_graph_with_captions_of_taggers(server):
    """LoadImage -> Dataset from Images with merged tags -> Caption Edit -> Balance Repeats -> Train."""
    draw(server.base / "input" / "loose", 2, (80, 64), seed=2)
    before = set((server.base / "input" / "athanor").glob("*"))  # of other files' tests on the same server
    prompt = graphs.training("sd3", train={"output_name": "from_graph"})
    del prompt["dataset"]
    prompt |= {
        "one": graphs.node("LoadImage", image="loose/0.png"),
        "two": graphs.node("LoadImage", image="loose/1.png"),
        "both": graphs.node("ImageBatch", image1=["one", 0], image2=["two", 0]),
        "tags_a": graphs.node("PrimitiveString", value="fox_tail, Red"),
        "tags_b": graphs.node("PrimitiveString", value="red, grass"),
        "merged": graphs.node("AthanorMergeTags", captions_1=["tags_a", 0], captions_2=["tags_b", 0]),
        "dataset": graphs.node(
            "AthanorDatasetFromImages", images=["both", 0], captions=["merged", 0], **{"repeats": 2}
        ),
        "edit": graphs.node("AthanorCaptionEdit", dataset=["dataset", 0], trigger="ohwx", underscores=True),
        "balance": graphs.node("AthanorBalanceRepeats", dataset=["edit", 0]),
        "changes": graphs.node("PreviewAny", source=["edit", 1]),
        "sheet": graphs.node("PreviewImage", images=["buckets", 2]),
        "bars": graphs.node("PreviewImage", images=["buckets", 3]),
    }
    prompt["buckets"]["inputs"]["dataset"] = ["balance", 0]
    entry = server.run(prompt)
    changes = entry["outputs"]["changes"]["text"][0]
    assert "2 of 2 captions changed" in changes and "+ ohwx, fox tail, Red, grass" in changes
    kept = sorted(set((server.base / "input" / "athanor").iterdir()) - before)
    assert len(kept) == 1 and len(list(kept[0].glob("*.png"))) == len(list(kept[0].glob("*.txt"))) == 2
    metadata = graphs.metadata(graphs.lora_file(server, "from_graph"))
    assert json.loads(metadata["ss_tag_frequency"])  # the edited tags are what the file tells
    assert "ohwx" in metadata["ss_tag_frequency"]
    # The kept folder is an ordinary dataset.
    server.run(graphs.training("sd3", f"athanor/{kept[0].name}", train={"output_name": "from_kept"}))


@pytest.mark.parametrize("source", ["alpha", "folder"])
def test_masks_reach_the_loss(server, source):
    """A mask of zeros leaves nothing to learn: the loss of every step is 0."""
    folder = server.base / "input" / f"masked_{source}"
    draw(folder, 2)
    dataset = {}
    if source == "alpha":
        for path in folder.glob("*.png"):
            image = Image.open(path).convert("RGBA")
            image.putalpha(0)
            image.save(path)
        dataset["alpha_mask"] = True
    else:
        (folder / "masks").mkdir()
        for path in folder.glob("*.png"):
            Image.new("L", (64, 64)).save(folder / "masks" / path.name)
        dataset["mask_folder"] = "masks"
    prompt = graphs.training("sd3", f"masked_{source}", dataset=dataset, train={"output_name": f"masked_{source}"})
    prompt |= {"plot": graphs.node("PreviewAny", source=["train", 3])}
    losses = json.loads(server.run(prompt)["outputs"]["plot"]["text"][0].replace("'", '"'))["loss"]
    assert losses and set(losses) == {0.0}


def test_long_captions_are_cut_and_counted(server):
    folder = server.base / "input" / "long"
    draw(folder, 2)
    (folder / "0.txt").write_text(", ".join(["very long caption"] * 40), encoding="utf-8")
    prompt = graphs.training("sd3", "long", train={"output_name": "cut"})
    text = server.run(prompt)["outputs"]["train"]["text"][0]
    assert "1 of 2 captions are longer than max_token_length (75) and are cut." in text
    prompt = graphs.training("sd3", "long", dataset={"max_token_length": "225"}, train={"output_name": "not_cut"})
    assert "max_token_length" not in server.run(prompt)["outputs"]["train"]["text"][0]


def test_masks_outside_are_refused(server):
    prompt = graphs.training("sd15", dataset={"mask_folder": "../.."})
    with pytest.raises(RuntimeError, match=r"mask_folder '../..' is outside ComfyUI's input and datasets folders"):
        server.run(prompt)
