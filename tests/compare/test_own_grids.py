"""Lists of values and grids that users keep, and the pictures of a graph before it is queued."""

import pytest
from athanor.training_core.compare import own_grids, own_lists
from athanor.training_core.errors import AthanorError


def node(kind: str, **inputs) -> dict:
    return {"class_type": f"Athanor{kind}", "inputs": inputs}


GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "2": node("XYZAxis", type="cfg", values="1-8"),
    "3": node("XYZAxis", type="steps", values="1-8"),
    "4": node("XYZZip", first=["2", 0], second=["3", 0]),
    "5": node("LoRARunAxis", source="mine", run=["8", 1]),
    "6": node("XYZAxis", type="sampler", values=["1", 0]),
    "8": node("TrainLoRA", output_name="x"),
    "9": node(
        "XYZCompare", model=["1", 0], run=["8", 1], prompts="a\nb", seeds="x2", x=["4", 0], y=["5", 0], z=["6", 0]
    ),
}


def test_a_grid_is_the_node_and_its_axes():
    part = own_grids.part_of(GRAPH, "9")
    assert set(part) == {"9", "4", "2", "3", "5", "6"}
    assert part["9"]["inputs"] == {"prompts": "a\nb", "seeds": "x2", "x": ["4", 0], "y": ["5", 0], "z": ["6", 0]}
    assert part["5"]["inputs"] == {"source": "mine"} and part["6"]["inputs"] == {"type": "sampler"}
    assert own_grids.part_of(part, "9") == part
    assert (own_grids.comparing(GRAPH, "2"), own_grids.comparing(GRAPH, "9"), own_grids.comparing({})) == ("9", "9", "")
    assert own_grids.comparing([{"class_type": "AthanorXYZCompare"}]) == ""  # a damaged plan.json
    with pytest.raises(AthanorError, match="no XYZ Compare or XYZ Plan '2'"):
        own_grids.part_of(GRAPH, "2")
    circle = GRAPH | {"2": node("XYZZip", first=["4", 0])}
    assert "4" in own_grids.part_of(circle, "9")


def test_lists_and_grids_are_kept(tmp_path):
    grids, lists = own_grids.kept(tmp_path / "grids"), own_lists.kept(tmp_path / "lists")
    grid = grids.save({"name": "eight by three", "node": "9", "nodes": GRAPH}, replace=False)
    assert grids.listed() == ([grid], []) and "1" not in grid.nodes
    mine = lists.save({"name": " a ", "type": "sampler", "values": "euler, heun"}, replace=False)
    assert (mine.name, lists.listed()) == ("a", ([mine], []))
    longest = lists.save(
        {"name": "z", "type": "prompt", "values": "x" * 199_950}, replace=False
    )  # by the longest request
    assert lists.listed() == ([mine, longest], [])
    for change, words in (
        ({"type": "samplers"}, "is none of XYZ Axis"),
        ({"values": " "}, "holds no values"),
        ({"values": 3}, "which are texts"),
        ({"name": "a/b"}, "characters that file names cannot have"),
    ):
        with pytest.raises(AthanorError, match=words):
            lists.save({"name": "b", "type": "sampler", "values": "x"} | change, replace=True)
    for nodes in ([], {"9": 5}, {"9": {"class_type": "AthanorXYZCompare", "inputs": [1]}, "x": None}):
        try:
            grids.save({"name": "b", "node": "9", "nodes": nodes}, replace=True)
        except AthanorError as error:
            assert "XYZ Compare" in str(error) or "by id" in str(error)


def test_pictures_are_counted_before(comfy):
    from athanor.training_core.compare import counting, kinds

    available = {"loras": ["a.safetensors", "b.safetensors", "s/b.pt"], "samplers": ["euler"], "schedulers": ["simple"]}
    assert kinds.every_name("LoRA", available) == ["a", "b", "s/b.pt"] and kinds.every_name("cfg", available) == []

    def count(graph, axis, values=40):
        return counting.pictures(graph, axis, values, available, [])

    # 40 x 2 prompts x 2 seeds x 3 strengths; the axis of a run is not known.
    assert count(GRAPH, "6") == (40 * 2 * 2 * 3, False)
    plain = {"2": GRAPH["2"], "3": GRAPH["3"], "9": node("XYZCompare", prompts="a", x=["2", 0], y=["3", 0])}
    assert count(plain, "2") == (40 * 8, True)
    assert count({"2": GRAPH["2"]}, "2") == (40, False)
    loras = plain | {"2": node("XYZAxis", type="LoRA", values="")}
    assert count(loras, "2") == (40 * 8 * 3, True)
    assert kinds.every_name("LoRA blocks", available) == ["each off"]
    assert count(plain | {"3": node("XYZAxis", type="LoRA blocks", values="each off")}, "2") == (40, False)
