"""The folder that a browser opens without a server."""

import base64
import io
import json
import re
import zipfile

import pytest
import scored
from athanor.training_core.compare import marks, viewer
from athanor.training_core.compare.archive import archive
from athanor.training_core.compare.store import PictureStore, failures
from athanor.training_core.pictures import write_png
from PIL import Image


@pytest.fixture
def document():
    axes = [
        {"title": "seed", "common": "", "values": ["1", "2"], "names": ["1", "2"]},
        {"title": "prompt", "common": "", "values": ["</script><b>", "\u7ea2"], "names": ["</script><b>", "\u7ea2"]},
    ]
    keys = ["a", "b", "c", "d"]
    return {
        "title": "A <title> & more", "axes": axes, "cells": keys, "order": keys, "sizes": {k: [8, 8] for k in keys},
        "parameters": {k: f"</script> {k}" for k in keys},
    }  # fmt: skip


def test_page_data_and_pictures(tmp_path, document):
    (tmp_path / "cells").mkdir()
    for key in "abc":
        Image.new("RGB", (8, 8)).save(tmp_path / "cells" / f"{key}.png")
    assert viewer.data(tmp_path, document)["failed"] == {"d": ""}  # still being drawn
    (tmp_path / "cells.jsonl").write_text(json.dumps({"cell": "d", "status": "failed", "error": "why"}))
    page = viewer.write(tmp_path, document).read_text(encoding="utf-8")
    shown = json.loads(re.search(r'id="cells">(.*?)</script>', page, re.S)[1])
    assert shown == json.loads((tmp_path / "viewer" / "cells.json").read_text(encoding="utf-8"))
    assert shown["axes"] == document["axes"] and shown["failed"] == {"d": "why"} and shown["name"] == tmp_path.name
    assert {p.name for p in (tmp_path / "viewer" / "cells").iterdir()} == {"a.png", "b.png", "c.png"}
    # Nothing is fetched: no address, no import, and exactly the two scripts of the page.
    assert not re.search(r"https?://|^\s*import\b|\bfetch\(", page, re.M)
    assert page.count("<script") == page.count("</script>") == 2 and "<title>A &lt;title&gt; &amp; more" in page
    # A picture that was drawn later is added.
    Image.new("RGB", (8, 8)).save(tmp_path / "cells" / "d.png")
    viewer.write(tmp_path, document)
    assert len(list((tmp_path / "viewer" / "cells").iterdir())) == 4
    assert json.loads((tmp_path / "viewer" / "cells.json").read_text(encoding="utf-8"))["failed"] == {}


def test_control_pictures_are_in_the_page(tmp_path, document):
    """A file that is gone is left out; a comparison without any has no entry for them."""
    assert "controls" not in viewer.data(tmp_path, document)
    (tmp_path / "controls").mkdir()
    Image.new("RGB", (800, 400), "red").save(tmp_path / "controls" / "one.png")
    told = viewer.data(tmp_path, document | {"controls": {"a": ["one"], "b": ["one", "gone"]}})["controls"]
    assert told["a"] == told["b"] and len(told["a"]) == 1
    with Image.open(io.BytesIO(base64.b64decode(told["a"][0].removeprefix("data:image/jpeg;base64,")))) as image:
        assert image.size == (256, 128)


def test_scores_are_in_the_page(tmp_path, document):
    """With small pictures of the nearest training pictures; a comparison without scores has no entry for them."""
    assert "scores" not in viewer.data(tmp_path, document)
    (tmp_path / "scores").mkdir()
    Image.new("RGB", (300, 200), "red").save(tmp_path / "scores" / "a.png.jpg")
    scored.write_comparison_scores(
        tmp_path, cells={"a": 0.5, "d": 0.95, "gone": 0.4}, checkpoints=[["epoch 1"], ["epoch 2"]]
    )
    told = viewer.data(tmp_path, document)["scores"]
    assert told["cells"].keys() == {"a", "d"} and told["threshold"] == 0.9 and told["weak"]
    assert told["blind"] == "None of it sees hands."
    assert told["cells"]["d"] | {"values": {}} == {
        "values": {}, "nearest": "a.png", "nearest_value": 0.95, "copy": True, "picture": "scores/a.png.jpg",
    }  # fmt: skip
    assert list(told["pictures"]) == ["scores/a.png.jpg"]
    assert told["pictures"]["scores/a.png.jpg"].startswith("data:image/jpeg;base64,")
    assert [point["label"] for point in told["trade_off"]["points"]] == ["epoch 1", "epoch 2"]
    assert told["kinds"][0] == {
        "name": "likeness", "title": "likeness", "high": True, "blind": "It sees colours and edges, not what is drawn."
    }  # fmt: skip
    (tmp_path / "scores.json").write_text('{"scorer": 3}')
    assert "scores" not in viewer.data(tmp_path, document)


def test_the_viewer_as_one_file(tmp_path, document):
    folder, places = tmp_path / "a grid", tmp_path / "temp"
    (folder / "cells").mkdir(parents=True)
    for key in "abc":
        Image.new("RGB", (8, 8)).save(folder / "cells" / f"{key}.png")
    first = archive(folder, document, places)
    with zipfile.ZipFile(first) as packed:
        assert sorted(packed.namelist()) == [
            "a grid/cells.json",
            *(f"a grid/cells/{k}.png" for k in "abc"),
            "a grid/index.html",
        ]
        assert packed.read("a grid/cells/a.png") == (folder / "cells" / "a.png").read_bytes()
    made = first.stat().st_mtime_ns
    assert (
        archive(folder, document, places) == first and first.stat().st_mtime_ns == made
    )  # so that a part can be asked for
    (folder / "plan.json").write_text(json.dumps(document | {"loras": {}}))
    marks.save(folder, "b", {"star": True})
    assert archive(folder, document, places) != first and len(list(places.rglob("*.zip"))) == 1


def test_marks_are_kept_beside_the_pictures(tmp_path, document):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "plan.json").write_text(json.dumps(document | {"loras": {"a": ["A"], "b": ["B", "C"]}}))
    assert marks.read(one) == {} and marks.starred(tmp_path) == set()
    assert marks.save(one, "b", {"star": True, "note": "  good  ", "script": "x"}) == {"star": True, "note": "good"}
    marks.save(one, "c", {"star": True})  # the base model
    marks.save(other, "a", {"star": 1, "reject": True})
    assert marks.starred(tmp_path) == {"B", "C"}
    assert marks.save(one, "b", {"star": False}) == {} and marks.read(one) == {"c": {"star": True}}
    assert marks.starred(tmp_path) == set() and marks.read(other) == {"a": {"reject": True}}
    (other / "marks.json").write_text("[")
    assert marks.read(other) == {}
    # The portable page begins with them.
    page = viewer.write(one, document).read_text(encoding="utf-8")
    assert json.loads(re.search(r'id="cells">(.*?)</script>', page, re.S)[1])["marks"] == {"c": {"star": True}}


def test_half_a_character_in_a_prompt_stops_no_file(tmp_path, document):
    """JSON can name a lone surrogate, which no file can hold: the viewer failed after all pictures were drawn."""
    PictureStore(tmp_path).log_cell("a", status="failed", error="a \ud800 cat")
    document["parameters"]["a"] = "a \ud800 cat"
    assert "a \ufffd cat" in viewer.write(tmp_path, document).read_text(encoding="utf-8")
    assert failures(tmp_path) == {"a": "a \ufffd cat"}
    write_png(Image.new("RGB", (8, 8)), tmp_path / "a.png", {"parameters": "a \ud800 cat"})
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["parameters"] == "a \ufffd cat"
