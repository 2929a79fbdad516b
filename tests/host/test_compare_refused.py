"""Comparisons that cannot be: refused when queued or before the first cell, in one sentence."""

import comparing
import graphs
import pytest
from answers import failed, refused
from comparing import axis


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("sampler", "eulr", "there is no sampler 'eulr'; the nearest: euler"),
        ("LoRA", "sd3_plan", "there is no LoRA 'sd3_plan'; the nearest: ... compared/sd3_plain"),
        ("LoRA strength", "", "values is empty"),
        ("cfg", "7-1(+1)", "steps away from its end"),
        ("model", "sd4", "there is no model 'sd4'; the nearest: sd3.safetensors"),
    ],
)
def test_wrong_axes_are_refused_when_queued(server, lora_files, kind, values, words):
    said = refused(server, comparing.comparison("sd3", x=axis(kind, values)))
    assert all(part in said for part in words.split(" ... ")), said  # other files' LoRAs may be near as well


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"x": ("prompt S/R", "blue, green")}, "'blue' is not in the prompt 'red circle'"),
        ({"x": ("cfg", "1, 2"), "y": ("cfg", "3")}, "both set cfg"),
        ({"x": ("seed", "1-9999"), "y": ("cfg", "1-20")}, "at most 100000 are possible"),
        ({"x": ("checkpoint of the run", "all")}, "needs a run"),
        ({"prompts": ""}, "prompts is empty"),
    ],
)
def test_wrong_comparisons_are_refused_before_the_first_cell(server, parts, words):
    built = {name: axis(*value) if name in "xyzw" else value for name, value in parts.items()}
    assert words in failed(server, comparing.comparison("sd3", **built))


def test_shift_needs_a_flow_model(server):
    assert "shift has no effect on this model" in failed(server, comparing.comparison("sd15", x=axis("shift", "1, 3")))


def test_zip_and_runs_say_what_is_wrong(server):
    nodes = {"a": axis("cfg", "1, 2"), "b": axis("steps", "1, 2, 3")}
    zipped = (
        comparing.comparison("sd3") | nodes | {"zip": graphs.node("AthanorXYZZip", first=["a", 0], second=["b", 0])}
    )
    zipped["compare"]["inputs"]["x"] = ["zip", 0]
    assert "cfg, 2 values: 1, 2; but steps, 3 values: 1, 2, 3" in failed(server, zipped)
    wrong = comparing.comparison("sd3", y=graphs.node("AthanorLoRARunAxis", source="no_such_run"))
    assert "source 'no_such_run' is neither a run nor a LoRA file" in failed(server, wrong)
