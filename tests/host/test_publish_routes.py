"""A LoRA published over the routes: what is offered, what it would tell, what is written, and what is refused."""

import io
import json
import re
import shlex
import shutil

import pytest
import routes
import run_folders
from athanor.training_core.files import safetensors_header, safetensors_metadata
from athanor.training_core.history import registry
from athanor.training_core.network.files import save_lora
from host import PACK
from PIL import Image
from PIL.PngImagePlugin import PngInfo

METADATA = {
    "ss_sd_model_name": "base.safetensors", "ss_base_model_version": "sd_v1", "ss_network_dim": "16", "ss_epoch": "3",
    "ss_tag_frequency": json.dumps({"10_secret person": {"secret person": 3}}), "ss_output_name": "private name",
    "modelspec.title": "private name", "modelspec.architecture": "stable-diffusion-v1/lora", "ss_training_comment": "None",
    "modelspec.trigger_phrase": "sks cat",
    "prompt": json.dumps({"1": {"class_type": "Load", "inputs": {"folder": "/home/jane/secret"}}}),
}  # fmt: skip
GRAPH = {
    "1": {"class_type": "Load", "inputs": {"folder": "/home/jane/secret"}},
    "2": {"class_type": "AthanorXYZCompare", "inputs": {"run": ["1", 0]}},
    "3": {"class_type": "Other", "inputs": {}},
}
TEXTS = {"title": "Cat", "author": "Ada", "license": "CC0-1.0", "trigger": "sks cat", "description": "A *cat*."}


@pytest.fixture(scope="module")
def place(comfy, tmp_path_factory):
    """(routes, ComfyUI's base folder, id of a run): its last file has a star, and a comparison with a starred picture."""
    import torch
    from athanor.training_core.host import fingerprint

    base = tmp_path_factory.mktemp("publish")
    with pytest.MonkeyPatch.context() as patch:
        routes.comfyui_folders(base, patch)
        runs, loras = base / "output" / "athanor" / "runs", base / "models" / "loras"
        folder = run_folders.write(runs, loras, "cat")
        save_lora(loras / "cat.safetensors", {"a": torch.ones(4)}, METADATA | {"athanor_run_id": folder.name})
        comparison = base / "output" / "athanor" / "compare" / "grid"
        comparison.mkdir(parents=True)
        plan = {
            "title": "cat  ·  euler",
            "axes": [],
            "loras": {"k": [fingerprint.file(loras / "cat.safetensors")]},
            "parameters": {"k": "a cat <lora:cat:0.8>\nNegative prompt: "},
        }
        (comparison / "plan.json").write_text(json.dumps(plan))
        (comparison / "marks.json").write_text('{"k": {"star": true}}')
        info = PngInfo()
        info.add_itxt("prompt", json.dumps(GRAPH))
        Image.new("RGB", (64, 32), "red").save(comparison / "grid.png", pnginfo=info)
        yield routes.table(patch), base, folder.name
        registry._records.clear()


def asked(place, work):
    """What `work(ask)` returns; `ask(path, body, **headers)` gives (status, body, headers) of a request about the run."""
    table, _, run = place

    async def session(client):
        async def ask(path="", body=None, **headers):
            address = path if path.startswith("/athanor") else f"/athanor/runs/{run}/publish{path}"
            request = client.get if body is None else client.post
            more = {} if body is None else {"json": body}
            async with request(address, headers=headers, **more) as response:
                return response.status, await response.read(), response.headers

        return await work(ask)

    return routes.served(table, session)


def body(name, **more):
    return {"file": "cat.safetensors", "name": name, "metadata": "recipe", **TEXTS, **more}


def test_what_is_offered(place):
    async def work(ask):
        offer = json.loads((await ask())[1])
        assert [(row["file"], row["starred"]) for row in offer["files"]][:2] == [
            ("cat.safetensors", True),
            ("cat-000002.safetensors", False),
        ]
        assert offer["file"] == "cat.safetensors" and offer["name"] == "cat" and offer["strengths"] == [0.8]
        assert offer["texts"]["trigger"] == "sks cat" and offer["texts"]["description"] == ""
        kinds = [picture["kind"] for picture in offer["pictures"]]
        assert kinds == ["grid", "sample", "curve"] and all(picture["chosen"] for picture in offer["pictures"])
        for picture in offer["pictures"]:
            status, data, headers = await ask(f"/picture?file=cat.safetensors&id={picture['id']}")
            assert status == 200 and headers["Content-Type"] == "image/jpeg"
            with Image.open(io.BytesIO(data)) as image:
                image.load()
        other = json.loads((await ask("?file=cat-000001.safetensors"))[1])
        assert other["strengths"] == [] and "grid" not in [picture["kind"] for picture in other["pictures"]]
        assert (await ask("?file=../cat.safetensors"))[0] == 404
        for name in ("grid/../../secret.png", "sample/x.png", "", "curve/"):
            assert (await ask(f"/picture?file=cat.safetensors&id={name}"))[0] == 404

    asked(place, work)


def test_the_examples_of_the_page(place):
    """What docs/publish.md has curl send is answered as it says there."""
    _, base, run = place
    page = (PACK / "docs" / "publish.md").read_text(encoding="utf-8").partition("## Over the API")[2]
    lines = re.sub(r"\\\n *", "", page)
    examples = [shlex.split(line) for line in re.findall("^    (curl .*)", lines, re.M)]
    addresses = [example[1].replace("RUN", run).removeprefix("http://127.0.0.1:8188") for example in examples]
    sent = [json.loads(example[example.index("-d") + 1]) for example in examples if "-d" in example]
    assert [address.rpartition("/")[2] for address in addresses] == ["publish", "preview", "publish"]
    assert examples[2][2:] == examples[1][2:] and examples[1][2:4] == ["-H", "Content-Type: application/json"]

    async def work(ask):
        offer = json.loads((await ask(addresses[0]))[1])
        assert offer.keys() >= {"files", "name", "choices", "texts", "strengths", "pictures"}
        assert all(picture["id"] for picture in offer["pictures"])
        example = sent[0] | {"file": "cat.safetensors"}
        told = json.loads((await ask(addresses[1], example))[1])
        assert told.keys() >= {"tells", "readme", "names", "trouble"} and told["trouble"] == ""
        assert all(row.keys() == {"file", "kind", "text"} for row in told["tells"])
        assert not (base / "output" / "athanor" / "published" / example["name"]).exists()
        written = json.loads((await ask(addresses[2], example))[1])
        assert all(file.keys() >= {"filename", "subfolder", "type", "address"} for file in written["files"])
        assert (await ask(addresses[2], example))[0] == 409
        for file in written["files"]:
            assert file["address"].startswith("/athanor/published/") and (await ask(file["address"]))[0] == 200
        status, data, _ = await ask(written["files"][0]["address"], Range="bytes=0-7")
        assert (status, len(data)) == (206, 8)
        assert example["name"] in [row["name"] for row in json.loads((await ask("/athanor/published"))[1])]
        shutil.rmtree(base / "output" / "athanor" / "published" / example["name"])

    asked(place, work)


def test_recipe_tells_no_graph_and_all_does(place):
    _, base, _ = place

    async def work(ask):
        before = routes.every_file(base / "output")
        for choice in ("recipe", "minimal", "all"):
            status, data, _ = await ask("/preview", body("Cat 1", metadata=choice))
            told = json.loads(data)
            assert status == 200 and not told["trouble"] and told["folder"] == "output/athanor/published/Cat 1"
            assert told["names"] == ["Cat 1.safetensors", "grid.png", "sample.png", "curve.png", "README.md"]
            everything = json.dumps(told)
            assert "/home/jane" not in everything and "private name" not in told["readme"]
            assert ("captions" in [row["kind"] for row in told["tells"]]) == (choice != "minimal")
            assert ("graph" in [row["kind"] for row in told["tells"]]) == (choice == "all")
            in_grid = [row for row in told["tells"] if row["file"] == "grid.png"]
            assert in_grid[0] == {"file": "grid.png", "kind": "picture", "text": "cat  ·  euler"}
            assert (len(in_grid) > 1) == (choice == "all")
        assert routes.every_file(base / "output") == before

    asked(place, work)


def test_a_folder_is_written_once_and_can_be_downloaded(place):
    _, base, _ = place

    async def work(ask):
        status, data, _ = await ask("", body("Cat"))
        assert status == 200, data
        told, folder = json.loads(data), base / "output" / "athanor" / "published" / "Cat"
        names = {"Cat.safetensors", "grid.png", "sample.png", "curve.png", "README.md"}
        assert {path.name for path in folder.iterdir()} == {file["filename"] for file in told["files"]} == names
        kept, source = folder / "Cat.safetensors", base / "models" / "loras" / "cat.safetensors"
        assert safetensors_header(kept)["a"]["shape"] == [4] and kept.read_bytes()[-16:] == source.read_bytes()[-16:]
        metadata = safetensors_metadata(kept)
        assert metadata["modelspec.title"] == "Cat" and metadata["modelspec.license"] == "CC0-1.0"
        assert metadata["modelspec.description"] == "A *cat*." and "prompt" not in metadata
        assert b"private name" not in kept.read_bytes()[:5000]
        assert metadata["sshs_model_hash"] == safetensors_metadata(source)["sshs_model_hash"]
        for name in names - {"README.md", "Cat.safetensors"}:
            with Image.open(folder / name) as image:
                image.load()
                assert not {"prompt", "workflow", "parameters"} & image.info.keys(), name
        readme = (folder / "README.md").read_text(encoding="utf-8")
        assert readme == told["readme"] and "| Recommended strength | 0.8 |" in readme and "(grid.png)" in readme

        # Again: another name is asked for, and nothing is changed.
        before = routes.every_file(base / "output")
        status, data, _ = await ask("", body("Cat", title="Other"))
        assert status == 409 and b"give this one another name" in data and routes.every_file(base / "output") == before
        assert "another name" in json.loads((await ask("/preview", body("Cat")))[1])["trouble"]
        assert json.loads((await ask())[1])["name"] in ("cat", "cat_2")  # file systems differ in whether case counts

        (listed,) = json.loads((await ask("/athanor/published"))[1])
        assert listed["name"] == "Cat" and json.loads((await ask("/athanor/published/Cat"))[1]) == listed
        address = next(file["address"] for file in listed["files"] if file["filename"] == "Cat.safetensors")
        status, data, headers = await ask(address)
        assert status == 200 and data == kept.read_bytes() and "attachment" in headers["Content-Disposition"]
        status, data, _ = await ask(address, Range="bytes=8-15")
        assert status == 206 and data == kept.read_bytes()[8:16]
        for bad in ("Cat/nothing", "Cat/..%2fCat", "..", "Cat/.hidden", "Dog/README.md", "%00"):
            assert (await ask(f"/athanor/published/{bad}"))[0] == 404, bad

    asked(place, work)


def test_all_keeps_what_the_pictures_carry(place):
    _, base, _ = place

    async def work(ask):
        status, data, _ = await ask("", body("whole", metadata="all", pictures=["grid/grid/grid.png"], author=""))
        folder = base / "output" / "athanor" / "published" / "whole"
        assert status == 200 and json.loads(data)["names"] == ["whole.safetensors", "grid.png", "README.md"]
        with Image.open(folder / "grid.png") as image:
            assert json.loads(image.info["prompt"])["2"]["class_type"] == "AthanorXYZCompare"
            assert "3" not in json.loads(image.info["prompt"]) and "/home" not in image.info["prompt"]
        metadata = safetensors_metadata(folder / "whole.safetensors")
        assert (
            "secret" in metadata["prompt"] and "/home" not in metadata["prompt"] and "modelspec.author" not in metadata
        )

    asked(place, work)


def test_what_is_refused_writes_nothing(place):
    _, base, _ = place

    async def work(ask):
        before = routes.every_file(base)
        for more, status, words in (
            ({"name": ""}, 422, b"give the copy a name"),
            ({"name": "../up"}, 422, b"cannot be one of a folder"),
            ({"name": "a/b"}, 422, b"cannot be one of a folder"),
            ({"name": ".hidden"}, 422, b"cannot be one of a folder"),
            ({"name": "dot."}, 422, b"cannot be one of a folder"),
            ({"name": "\u96ea" * 80}, 422, b"too long"),
            ({"name": "con.safetensors"}, 422, b"is a device"),
            ({"title": "x" * 20_000}, 422, b"is the most"),
            ({"title": "x" * 200_000}, 413, b"100,000 is the most here"),
            ({"metadata": "some"}, 400, b"one of recipe, minimal, all"),
            ({"pictures": ["grid/grid/plan.json"]}, 422, b"there is no picture"),
            ({"pictures": [3]}, 400, b"the body must be JSON"),
            ({"author": 3}, 400, b"the body must be JSON"),
            ({"file": "other.safetensors"}, 404, b"no such file"),
            ({"file": 3}, 400, b"the body must be JSON"),
        ):
            for path in ("", "/preview"):
                got, data, _ = await ask(path, body("x") | more)
                wanted = 200 if path and "name" in more else status  # a preview is shown while a name is being typed
                assert (got, words in data) == (wanted, True), (more, got, data)
        assert routes.every_file(base) == before

    asked(place, work)


def test_a_picture_that_cannot_be_read_leaves_nothing_behind(place):
    _, base, run = place
    (sample,) = (base / "output" / "athanor" / "runs" / run / "samples").glob("*000012*")
    kept = sample.read_bytes()

    async def work(ask):
        before = routes.every_file(base / "output" / "athanor" / "published")
        status, data, _ = await ask("", body("half", pictures=[f"sample/{sample.name}"]))
        assert status == 422 and b"leave that picture out" in data
        after = routes.every_file(base / "output" / "athanor" / "published")
        assert after == before

    try:
        sample.write_bytes(kept[:40])
        asked(place, work)
    finally:
        sample.write_bytes(kept)
