"""Presets over the pack's routes: the list that the page reads, own ones, and the family of the model that a graph loads."""

import pytest
import routes
import tiny_layouts
from athanor.training_core import files
from family_cases import CASES

MINE = {
    "name": "mine",
    "families": ["SD3"],
    "purposes": [],
    "settings": {"network": {"rank": 12}, "training": {"epochs": 3}},
}


@pytest.fixture
def asked(comfy, tmp_path, monkeypatch):
    """What the routes answer to (method, path, body), one after the other: status and JSON."""
    routes.comfyui_folders(tmp_path, monkeypatch)
    table = routes.table(monkeypatch)

    def ask(*requests):
        async def work(client):
            found = []
            for method, path, body in requests:
                async with client.request(method, path, **({} if body is None else {"json": body})) as got:
                    found.append((got.status, await got.json()))
            return found

        return routes.served(table, work)

    ask.base = tmp_path
    return ask


def test_own_presets(asked):
    first, saved, again, replaced, listed, gone, twice = asked(
        ("GET", "/athanor/presets", None),
        ("POST", "/athanor/presets", MINE),
        ("POST", "/athanor/presets", MINE),
        ("POST", "/athanor/presets", MINE | {"about": "better", "replace": True}),
        ("GET", "/athanor/presets", None),
        ("POST", "/athanor/presets/delete", {"name": "mine"}),
        ("POST", "/athanor/presets/delete", {"name": "mine"}),
    )
    assert [status for status, _ in (saved, again, replaced, gone, twice)] == [200, 409, 200, 200, 404]
    assert "already" in again[1]["error"] and saved[1]["settings"]["network"]["rank"] == 12
    before, after = first[1], listed[1]
    assert [preset["name"] for preset in after["presets"] if preset["own"]] == ["mine"]
    assert len(after["presets"]) == len(before["presets"]) + 1 and after["unread"] == []
    groups = before["groups"]
    assert groups["network"]["node"] == "AthanorNetworkConfig" and groups["network"]["defaults"]["rank"] == 16
    for preset in after["presets"]:
        assert all(set(values) <= set(groups[name]["defaults"]) for name, values in preset["settings"].items())


def test_lists_grids_and_names(asked):
    """The same routes as presets have; a grid keeps of a graph what belongs to it."""
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
        "3": {"class_type": "AthanorXYZAxis", "inputs": {"type": "sampler", "values": "euler"}},
        "9": {"class_type": "AthanorXYZCompare", "inputs": {"model": ["1", 0], "x": ["3", 0], "prompts": "a\nb"}},
    }
    samplers = {"name": "few", "type": "sampler", "values": "euler, heun"}
    saved, taken, renamed, gone, grid, unlike, names, none, pictures = asked(
        ("POST", "/athanor/lists", samplers),
        ("POST", "/athanor/lists", samplers),
        ("POST", "/athanor/lists/rename", {"name": "few", "to": "two"}),
        ("POST", "/athanor/lists/delete", {"name": "few"}),
        ("POST", "/athanor/grids", {"name": "g", "node": "9", "nodes": graph}),
        ("POST", "/athanor/grids", {"name": "g", "node": "3", "nodes": graph, "replace": True}),
        ("GET", "/athanor/axis/names?type=sampler", None),
        ("GET", "/athanor/axis/names?type=cfg", None),
        (
            "POST",
            "/athanor/axis/pictures",
            {"graph": graph | {"x": 5, "y": graph["1"] | {"_meta": [1]}}, "node": "3", "values": 40},
        ),
    )
    assert [each[0] for each in (saved, taken, renamed, gone, grid, unlike)] == [200, 409, 200, 404, 200, 422]
    lists, grids = asked(("GET", "/athanor/lists", None), ("GET", "/athanor/grids", None))
    assert lists[1] == {"kept": [samplers | {"name": "two", "about": ""}], "unread": []}
    assert [set(each["nodes"]) for each in grids[1]["kept"]] == [{"3", "9"}]
    assert "euler" in names[1]["names"] and none[1] == {"names": []}
    assert pictures[1] == {"pictures": 80, "exact": True}


def test_what_no_preset_is(asked):
    answers = asked(
        ("POST", "/athanor/presets", {"name": "x"}),
        ("POST", "/athanor/presets", MINE | {"name": "../x"}),
        ("POST", "/athanor/presets", MINE | {"settings": {"network": {"rank": "much"}}}),
        ("POST", "/athanor/presets/delete", {"name": "../../x"}),
    )
    assert [status for status, _ in answers] == [400, 422, 422, 422]
    assert not list((asked.base / "user").rglob("*.json"))


@pytest.mark.parametrize("name", ["sd2", "sdxl", "flux_dev", "flux_schnell", "chroma", "z_image"])
def test_the_family_of_a_file(name, comfy, monkeypatch, tmp_path):
    """By the shapes of its tensors alone."""
    from athanor.training_core.host import detection

    layout = tiny_layouts.LAYOUTS[name]
    state = layout.named(layout.build("meta").state_dict())
    header = {key: {"dtype": "F16", "shape": list(value.shape), "data_offsets": [0, 0]} for key, value in state.items()}
    monkeypatch.setattr(detection, "safetensors_header", lambda path: header)
    found = detection.family_in_file(tmp_path)
    assert found and found.title == CASES[name].title


def test_the_family_of_a_graphs_checkpoint(asked, checkpoints):
    """A whole checkpoint has its model under a prefix; a LoRA and a broken file are none."""
    folder = asked.base / "models" / "checkpoints"
    (folder / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    (folder / "cut.safetensors").write_bytes(b"\x01")
    files.write_json(folder / "text.safetensors", {})
    answers = asked(
        *(
            ("GET", f"/athanor/presets/family?ckpt_name={name}", None)
            for name in ("sd3.safetensors", "cut.safetensors")
        ),
        *(
            ("GET", f"/athanor/presets/family?{query}", None)
            for query in ("unet_name=sd3.safetensors", "ckpt_name=%00", "")
        ),
        ("GET", "/athanor/presets/family?ckpt_name=../../user/x", None),
    )
    assert [answer["family"] for _, answer in answers] == ["SD3", "", "", "", "", ""]
