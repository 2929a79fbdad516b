"""Which comparisons show a file, and at which strengths their user liked it."""

import json

from athanor.training_core.publish import offered

LINE = "\nNegative prompt: \nSteps: 4"


def comparison(root, name, cells, stars, title="t"):
    """`cells`: key -> (parameters, contents of its LoRAs)."""
    folder = root / name
    folder.mkdir(parents=True)
    axes = [{"title": "strength", "values": ["0.5", "1"]}, {"title": "prompt", "values": ["a cat"]}]
    plan = {
        "title": title,
        "axes": axes,
        "parameters": {key: text + LINE for key, (text, _) in cells.items()},
        "loras": {key: loras for key, (_, loras) in cells.items() if loras},
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "marks.json").write_text(json.dumps({key: {"star": True} for key in stars}))
    for page in ("grid.png", "other.png"):
        (folder / page).write_bytes(b"")


def test_starred_pictures_of_the_file_tell_its_strengths(tmp_path):
    cells = {
        "a": ("a cat <lora:cat:0.5>", ["mine"]),
        "b": ("a cat <lora:cat:0.7:0.2>", ["mine"]),
        "c": ("<lora:typed:3> x <lora:other:2> <lora:sub/cat:1>", ["other", "mine"]),
        "d": ("a cat <lora:cat:9>", ["mine"]),  # no star
        "e": ("a cat", []),  # the base model
        "f": ("a cat <lora:cat:1e-05>", ["another"]),
        "g": ("the tag is lost", ["mine"]),
    }
    comparison(tmp_path, "one", cells, "abcefg")
    comparison(tmp_path, "two", {"a": ("<lora:cat:4>", ["another"])}, "a")
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "plan.json").write_text("{")
    (found,) = offered.comparisons(tmp_path, "mine")
    assert found.folder.name == "one" and found.strengths == (0.5, 0.7, 1.0)
    assert found.written == "t  ·  strength: 0.5, 1"
    pages = list(offered._grids([found]))
    assert [(page.id, page.chosen, page.label) for page in pages] == [("grid/one/grid.png", True, "Comparison")]


def test_who_has_drawn_the_grid_anew_likes_that_one_better(tmp_path):
    comparison(tmp_path, "one", {"a": ("<lora:cat:4>", ["mine"])}, "")
    for name in ("redrawn-01.jpg", "redrawn-02.jpg"):
        (tmp_path / "one" / name).write_bytes(b"")
    pages = list(offered._grids(offered.comparisons(tmp_path, "mine")))
    assert [page.id.rpartition("/")[2] for page in pages if page.chosen] == ["redrawn-01.jpg", "redrawn-02.jpg"]
