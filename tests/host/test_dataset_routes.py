"""The dataset page's routes: of nodes and of runs, without a training, and nothing but the pictures of that dataset."""

import io
import json

import graphs
import pytest
from answers import answer
from PIL import Image
from waiting import until


@pytest.fixture(scope="module")
def prompt(server) -> dict:
    """Two loaders behind each other, captions edited on the way, a Bucketer and a Dataset Doctor."""
    graphs.draw_dataset(server.base / "input" / "looked" / "3_thing", 5)
    (server.base / "input" / "looked" / "3_thing" / "4.txt").unlink()
    sizes = {"width": 64, "height": 64, "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 16}
    return {
        "reg": graphs.node("AthanorDatasetLoader", folder="ds", is_reg=True),
        "repeats": graphs.node("PrimitiveInt", value=2),
        "load": graphs.node("AthanorDatasetLoader", folder="looked", dataset=["reg", 0], repeats=["repeats", 0]),
        "edit": graphs.node("AthanorCaptionEdit", dataset=["load", 0], trigger="mychar"),
        "doctor": graphs.node("AthanorDatasetDoctor", dataset=["edit", 0], resolution=256, trigger="mychar"),
        "sort": graphs.node("AthanorBucketer", dataset=["doctor", 0], **sizes),
    }


def opened(server, prompt: dict, node: str) -> dict:
    status, data, _ = answer(server, "/athanor/datasets", {"prompt": prompt, "node": node})
    assert status == 200, data
    return json.loads(data)


def test_a_bucketer_shows_what_it_would_make(server, prompt):
    told = opened(server, prompt, "sort")
    assert told["pictures"] == 9 and told["title"] == "ds, looked" and told["buckets"] == [[64, 64, 7], [80, 48, 2]]
    page = server.get(f"/athanor/datasets/{told['id']}/pictures?first=4&count=3")
    assert page["total"] == 9 and len(page["pictures"]) == 3
    assert page["pictures"][0]["caption"].startswith("mychar") and page["pictures"][0]["places"][0]["bucket"] == [
        64,
        64,
    ]
    assert (
        server.get(f"/athanor/datasets/{told['id']}/pictures?without=mychar")["total"] == 4
    )  # regularization pictures have no trigger
    assert opened(server, prompt, "sort")["id"] == told["id"]
    assert opened(server, prompt, "load")["id"] != told["id"] and opened(server, prompt, "load")["buckets"] == []


def test_the_doctors_findings(server, prompt):
    name = opened(server, prompt, "doctor")["id"]
    told = until(lambda: json.loads(answer(server, f"/athanor/datasets/{name}/findings", {})[1]).get("findings"))
    assert {"level", "kind", "text", "pictures"} <= told[0].keys()
    some = next(n for n, f in enumerate(told) if f["pictures"])
    assert server.get(f"/athanor/datasets/{name}/pictures?finding={some}")["total"] == told[some]["pictures"]
    assert server.get(f"/athanor/datasets/{name}")["findings"] == told


def test_thumbnails_of_this_dataset_alone(server, prompt):
    base = f"/athanor/datasets/{opened(server, prompt, 'sort')['id']}/thumbnails"
    status, data, headers = answer(server, f"{base}/8")
    assert status == 200 and headers["Content-Type"] == "image/jpeg" and headers["X-Content-Type-Options"] == "nosniff"
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (128, 64)  # no larger than it is
    for index in ("9", "99999999", "-1", "0.png", "..%2f..%2fserver.log", "%C2%B2", "0?side=5000"):
        assert answer(server, f"{base}/{index}")[0] == 404, index


def test_captions_are_edited_in_their_files(server):
    """One caption, a tag in many, undo, and what another program or browser has done meanwhile."""
    folder = server.base / "input" / "edited"
    graphs.draw_dataset(folder, 4)
    texts = {"0.txt": b"a, b\r\n", "1.txt": b"b", "2.txt": b"c, b"}
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    (folder / "3.txt").unlink()
    Image.new("RGB", (64, 64)).save(folder / "1.jpg")  # of one caption with 1.png
    prompt = {"load": graphs.node("AthanorDatasetLoader", folder="edited", class_tokens="it")}
    told = opened(server, prompt, "load")
    base = f"/athanor/datasets/{told['id']}"
    names = [each["name"] for each in server.get(f"{base}/pictures")["pictures"]]
    place = {name: f"{base}/pictures/{names.index(name)}/caption" for name in names}

    def send(path: str, **body) -> tuple[int, dict]:
        status, data, _ = answer(server, path, body)
        return status, json.loads(data)

    assert told["can_edit"] and server.get(f"{base}/captions") == {"changes": []}
    first = server.get(place["0.png"])
    assert (first["text"], first["there"], first["separator"], first["shared"]) == ("a, b", True, ",", [])
    assert server.get(place["1.png"])["shared"] == ["1.jpg"]
    missing = server.get(place["3.png"])
    assert (missing["text"], missing["there"], missing["stamp"]) == ("it", False, "")

    status, saved = send(place["0.png"], text="a, b\nline 2", stamp=first["stamp"])
    assert status == 200 and (folder / "0.txt").read_bytes() == b"a, b\r\nline 2\r\n"
    assert saved["picture"]["caption"] == "a, b\nline 2" and not saved["stale"] and saved["stamp"] != first["stamp"]
    status, late = send(place["0.png"], text="mine", stamp=first["stamp"])  # of another browser, opened before
    assert status == 409 and "0.txt was changed" in late["error"]
    assert send(place["3.png"], text="new", stamp="")[0] == 200 and (folder / "3.txt").read_bytes() == b"new"
    assert send(place["1.jpg"], text="one", stamp=server.get(place["1.jpg"])["stamp"])[0] == 200
    shown = {each["name"]: each["caption"] for each in server.get(f"{base}/pictures")["pictures"]}
    assert shown["1.png"] == shown["1.jpg"] == "one"

    want = {"action": "replace", "tag": "B", "new": "x"}
    status, preview = send(f"{base}/captions?without=one", **want)
    assert (preview["files"], preview["pictures"]) == (2, 3) and preview["first"][1]["after"] == "c, x"
    (folder / "2.txt").write_bytes(b"c, b, d")
    assert send(f"{base}/captions?without=one", **want, stamp=preview["stamp"])[0] == 409
    preview = send(f"{base}/captions?without=one", **want)[1]
    status, done = send(f"{base}/captions?without=one", **want, stamp=preview["stamp"])
    assert (
        status == 200 and (folder / "2.txt").read_bytes() == b"c, x, d" and done["stale"]
    )  # its old text was not seen
    for change in server.get(f"{base}/captions")["changes"]:
        status, undone = send(f"{base}/captions/undo", change=change["id"])
        assert status == 200 and "put back" in undone["text"]
    assert {p.name: p.read_bytes() for p in folder.glob("*.txt")} == texts | {"2.txt": b"c, b, d"}
    assert undone["changes"] == [] and send(f"{base}/captions/undo", change="../x")[0] == 422

    (folder / "0.png").unlink()
    status, gone = send(place["0.png"], text="x", stamp=server.get(place["0.png"])["stamp"])
    assert status == 422 and "not there any more" in gone["error"]
    for bad in (
        {"action": "up", "tag": "a"},
        {"action": "end", "tag": ""},
        {"action": "end", "tag": "a", "new": "a\nb"},
    ):
        assert send(f"{base}/captions", **bad)[0] == 422
    for path in (f"{base}/pictures/99/caption", "/athanor/datasets/" + "d" * 17 + "/captions"):
        assert answer(server, path)[0] == 404
    assert "A run keeps" in answer(server, f"/athanor/datasets/{'0' * 16}/captions")[1].decode()


def test_what_is_asked_for_is_read_strictly(server, prompt):
    name = opened(server, prompt, "sort")["id"]
    for bad in (name[:-1], f"e{name[1:]}", "d" + "0" * 16, "0" * 16, "..%2fruns"):
        for what in ("", "/pictures", "/terms", "/thumbnails/0"):
            assert answer(server, f"/athanor/datasets/{bad}{what}")[0] == 404, bad + what
    for query in ("first=-1", "count=x", "bucket=64", "bucket=64x64x1", "finding=one"):
        assert answer(server, f"/athanor/datasets/{name}/pictures?{query}")[0] == 400, query
    for body in (
        b"",
        b"[]",
        b"\xff",
        {"prompt": prompt},
        {"prompt": [], "node": "sort"},
        {"prompt": prompt, "node": 3},
    ):
        assert answer(server, "/athanor/datasets", body)[0] == 400
    assert answer(server, "/athanor/datasets", {"prompt": prompt, "node": "sort"}, "text/plain")[0] == 400


def refused(server, prompt: dict, node: str) -> str:
    status, data, _ = answer(server, "/athanor/datasets", {"prompt": prompt, "node": node})
    assert status == 422
    return data.decode()


def test_one_sentence_says_what_cannot_be_shown(server, prompt):
    assert "outside ComfyUI's input" in refused(
        server, prompt | {"load": graphs.node("AthanorDatasetLoader", folder="../../etc")}, "sort"
    )
    assert "muted or bypassed" in refused(server, prompt, "nobody")
    assert "not connected" in refused(server, {"sort": graphs.node("AthanorBucketer")}, "sort")
    loop = {
        "a": graphs.node("AthanorDatasetLoader", folder="ds", dataset=["b", 0]),
        "b": graphs.node("AthanorDatasetDoctor", dataset=["a", 0]),
    }
    assert "has a loop" in refused(server, loop, "a")
    linked = graphs.node("AthanorDatasetLoader", folder=["text", 0])
    assert "folder is linked" in refused(server, {"load": linked, "text": graphs.node("StringConcatenate")}, "load")


def test_pictures_of_the_graph_are_known_once_it_has_run(server):
    """Dataset from Images: only a run of the same graph can tell."""
    prompt = {
        "picture": graphs.node("EmptyImage", width=64, height=96, batch_size=2, color=255),
        "red": graphs.node("EmptyImage", width=32, height=48, batch_size=1, color=0xFF0000),
        "made": graphs.node(
            "AthanorDatasetFromImages", images=["picture", 0], class_tokens="a blue wall", control_2=["red", 0]
        ),
        "sort": graphs.node("AthanorBucketer", dataset=["made", 0], width=64, height=64, min_bucket_reso=32),
        "sheet": graphs.node("PreviewImage", images=["sort", 2]),
    }
    assert "queue the graph once" in refused(server, prompt, "sort")
    server.run(prompt)
    told = opened(server, prompt, "sort")
    shown = server.get(f"/athanor/datasets/{told['id']}/pictures")["pictures"]
    assert shown and {p["caption"] for p in shown} == {"a blue wall"}
    assert [[control["size"] for control in p["controls"]] for p in shown] == [[[32, 48]], [[32, 48]]]
    place = f"/athanor/datasets/{told['id']}/thumbnails/1?control="
    with Image.open(io.BytesIO(answer(server, f"{place}0")[1])) as image:
        assert image.size == (32, 48) and image.getpixel((9, 9))[0] > 250 > 5 > image.getpixel((9, 9))[2]
    assert [answer(server, place + control)[0] for control in ("1", "-1", "", "x")] == [404] * 4
    assert not told["can_edit"]  # it writes its captions anew
    status, data, _ = answer(server, f"/athanor/datasets/{told['id']}/pictures/0/caption")
    assert status == 422 and b"writes these captions anew" in data
    other = prompt | {"picture": graphs.node("EmptyImage", width=64, height=96, batch_size=2, color=256)}
    assert "queue the graph once" in refused(server, other, "sort")
