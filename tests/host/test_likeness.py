"""The node Likeness in a real graph: pictures at once, and the pictures of a comparison."""

from __future__ import annotations

import json

import comparing
import gardens
import graphs
import pytest
from athanor.training_core.history import scores


@pytest.fixture(scope="module")
def gardens_of(server):
    gardens.write(server.base / "input" / "gardens", 9, seed=1)
    return graphs.node("AthanorDatasetLoader", folder="gardens")


def shown(entry, key="show"):
    return entry["outputs"][key]["text"][0]


def test_a_comparison_is_scored_and_a_picture_is_measured_once(server, gardens_of):
    prompt = comparing.comparison(prompts="red circle\nblue cross", seeds="7101, 7102", likeness=["like", 0], steps=1)
    prompt |= {"dataset": gardens_of, "like": graphs.node("AthanorLikeness", dataset=["dataset", 0])}
    entry = server.run(prompt)
    folder = graphs.folder(server, entry)
    found = scores.of_comparison(folder)
    assert found is not None and found.scorer.weak and found.scorer.references == 9 and found.scorer.copy_threshold
    assert set(found.cells) == set(json.loads((folder / "plan.json").read_text())["cells"]) and len(found.cells) == 4
    for cell in found.cells.values():
        assert 0 < cell.values["mean"] <= cell.values["likeness"] < 1 and not cell.copy
        assert cell.nearest.endswith(".png") and (folder / cell.thumbnail).is_file()
    (row,) = found.checkpoints
    assert row.values["likeness"].n == 4 and row.values["variety"].n == 2 and row.labels == () and row.copies == 0
    assert '"scores": {' in (folder / "viewer" / "index.html").read_text()  # drawn in it at once
    assert found.verdict in comparing.text_of(entry) and "No picture looks like a copy" in found.verdict
    (kept,) = (server.base / "output" / "athanor" / "scores").glob(f"{found.scorer.id}.jsonl")
    assert len(kept.read_text().splitlines()) == 4
    # Drawn before, and scored now with other settings; then again from what is kept.
    prompt["like"]["inputs"]["k"] = 1
    nearest = scores.of_comparison(graphs.folder(server, server.run(prompt)))
    assert nearest is not None and nearest.scorer.id != found.scorer.id
    prompt["like"]["inputs"]["k"] = 3
    again = scores.of_comparison(graphs.folder(server, server.run(prompt)))
    assert again == found and len(kept.read_text().splitlines()) == 4


def test_pictures_at_once_are_shown_beside_their_nearest(server, gardens_of):
    alone = {"dataset": gardens_of, "like": graphs.node("AthanorLikeness", dataset=["dataset", 0])}
    assert shown(server.run(alone), "like").startswith(
        "Pictures are measured where scorer goes, to likeness of XYZ Compare"
    )
    vectors = {"vectors": ["vector", 0], "reference_vectors": ["vector", 0]}
    prompt = {
        "dataset": gardens_of,
        "load": graphs.node("LoadImage", image="gardens/03.png"),
        "like": graphs.node("AthanorLikeness", dataset=["dataset", 0], images=["load", 0], k=1),
        "show": graphs.node("PreviewAny", source=["like", 1]),
        "number": graphs.node("PreviewAny", source=["like", 2]),
    }
    entry = server.run(prompt)
    text = shown(entry)
    assert "Compares with 9 training pictures" in text and "1: likeness 1.000" in text
    assert (
        "1 picture: likeness 1.000, copies: 1\n" in text
        and "nearest 03.png (1.00); looks like a copy" in text
        and "colours and edges" in text
    )
    assert float(shown(entry, "number")) == pytest.approx(1.0) and len(entry["outputs"]["like"]["images"]) == 1
    # What is no vector, and a filter that nothing fits, end in one sentence.
    prompt |= {"vector": graphs.node("PrimitiveInt", value=5)}
    prompt["like"]["inputs"] |= vectors
    with pytest.raises(RuntimeError, match="vectors takes a list with one vector"):
        server.run(prompt)
    del prompt["like"]["inputs"]["vectors"], prompt["like"]["inputs"]["reference_vectors"]
    prompt["like"]["inputs"]["caption_filter"] = "elephant"
    with pytest.raises(RuntimeError, match="caption_filter 'elephant': no caption of the training pictures has that"):
        server.run(prompt)
