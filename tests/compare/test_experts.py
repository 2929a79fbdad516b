"""A second model for low noise: which files belong together, which nodes draw the picture, and what it is known by."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from athanor.training_core.compare import identity as ids
from athanor.training_core.compare import stock
from athanor.training_core.compare.axes import Axis, LoraChoice, Value
from athanor.training_core.compare.cells import Lora
from athanor.training_core.errors import AthanorError
from athanor.training_core.history.handle import Checkpoint
from cell import base_cell


@pytest.fixture
def experts(comfy, monkeypatch):
    from athanor.training_core.compare import experts, runs

    monkeypatch.setattr(runs, "of_run", lambda run: run)  # as if all files were there
    return experts


def run(name, epochs, last):
    numbered = [(epoch, f"{name}-{epoch:06d}.safetensors", False) for epoch in epochs]
    made = [*numbered, (last, f"{name}.safetensors", True)]
    points = [
        Checkpoint(epoch=e, step=e * 10, lora_name=file, path=Path(file), hash="", last=is_last)
        for e, file, is_last in made
    ]
    return SimpleNamespace(name=name, checkpoints=tuple(points))


def axis(of):
    base = Value("base model", (("lora", ()),), special=True)
    return Axis(
        "checkpoint", (base, *(Value(str(c.epoch), (("lora", (LoraChoice(c.lora_name),)),)) for c in of.checkpoints))
    )


def files(axis):
    return {value.label: {name: [c.name for c in to] for name, to in value.changes} for value in axis.values}


def test_checkpoints_of_the_same_epoch_go_together(experts):
    high, low = run("high", (2, 4, 6), 8), run("low", (4, 6, 10), 12)
    assert files(experts.paired(axis(high), high, low)) == {
        "base model": {"lora": [], "lora_low": []},
        "4": {"lora": ["high-000004.safetensors"], "lora_low": ["low-000004.safetensors"]},
        "6": {"lora": ["high-000006.safetensors"], "lora_low": ["low-000006.safetensors"]},
        "8": {"lora": ["high.safetensors"], "lora_low": ["low.safetensors"]},
    }
    assert files(experts.paired(axis(low), None, low))["4"] == {"lora_low": ["low-000004.safetensors"]}
    with pytest.raises(AthanorError, match=r"run_low: low has no checkpoint of an epoch that is compared .it has 1, 3"):
        numbered = replace(axis(high), values=axis(high).values[:2])
        experts.paired(numbered, high, run("low", (1,), 3))


@pytest.mark.parametrize("boundary", [-0.1, 1.5, float("nan"), "0.9", True])
def test_a_boundary_is_a_part_of_the_noise(experts, boundary):
    with pytest.raises(AthanorError, match=r"^boundary is .*: it takes a number from 0 to 1"):
        experts.check(experts.Expert(model=None, boundary=boundary), None)


def drawn(cell, high):
    nodes = []

    def add(kind, links, widgets):
        nodes.append((kind, links, widgets))
        return kind

    patches = [stock.PatchNode("model", "model", "Shift", {})]
    stock.add_nodes(cell, {"model": "H", "model_low": "L", "clip": "C", "vae": "V"}, patches, add, high=high)
    assert [links["model"] for kind, links, _ in nodes if kind == "Shift"] == ["H", "L"]
    return [(kind, widgets) for kind, _, widgets in nodes if kind.startswith("KSampler")]


def test_the_second_sampler_goes_on_where_the_first_has_stopped():
    first, second = drawn(base_cell(boundary=0.875), 7)
    assert first[0] == second[0] == "KSamplerAdvanced"
    common = {"noise_seed": 0, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal"}
    assert first[1] == common | {
        "add_noise": "enable", "start_at_step": 0, "end_at_step": 7, "return_with_leftover_noise": "enable",
    }  # fmt: skip
    assert second[1] == common | {
        "add_noise": "disable", "start_at_step": 7, "end_at_step": 10000, "return_with_leftover_noise": "disable",
    }  # fmt: skip
    first, second = drawn(base_cell(boundary=0.875, denoise=0.5), 7)  # KSampler's 20 steps are the last of 40
    assert (first[1]["steps"], first[1]["start_at_step"], second[1]["start_at_step"]) == (40, 20, 27)
    assert [kind for kind, _ in drawn(base_cell(boundary=0.0), 20)] == ["KSampler"]
    assert [kind for kind, _ in drawn(base_cell(boundary=1.0), 0)] == ["KSampler"]


def test_what_the_second_model_is_counts_and_is_told():
    contents = {"model:": "m", "vae:": "v", "model_low": "low", "lora:low.safetensors": "l"}
    cell = base_cell(boundary=0.875, loras_low=(Lora("low.safetensors", 0.8, 0.0),))
    others = [replace(cell, boundary=0.9), replace(cell, loras_low=()), replace(cell, boundary=None, loras_low=())]
    names = {ids.identity(each, contents) for each in (cell, *others)}
    names |= {
        ids.identity(cell, contents | {"model_low": "x"}),
        ids.identity(cell, contents | {"lora:low.safetensors": "x"}),
    }
    assert len(names) == 6
    text = ids.parameters(cell)
    assert "1girl <lora:low:0.8>\n" in text and text.endswith("Low-noise model below: 0.875")
