"""What the pack uses of ComfyUI's insides: another ComfyUI may lack it."""

from __future__ import annotations

import pytest
from athanor.training_core.errors import AthanorError

GRAPH = {"sampler": {"class_type": "KSampler", "inputs": {"steps": 20, "cfg": 7.5, "model": ["other", 0]}}}


def test_widgets_of_a_graph(comfy):
    from athanor.training_core.host import nodegraph

    widgets = {widget["name"]: (widget["value"], widget["type"]) for widget in nodegraph.widgets(GRAPH)}
    left_out = {"seed": (0, "INT"), "denoise": (1.0, "FLOAT")}  # of which a script's graph takes the defaults
    assert widgets == {"steps": (20, "INT"), "cfg": (7.5, "FLOAT"), **left_out}


@pytest.mark.parametrize("name", ["comfy_api.internal._ComfyNodeInternal", "comfy_execution.graph_utils.is_link"])
def test_a_comfyui_without_these_insides_is_named(comfy, monkeypatch, name):
    from athanor.training_core.host import nodegraph

    monkeypatch.delattr(name)
    with pytest.raises(AthanorError, match=rf"this ComfyUI \(0\.\d+\.\d+\) has no {name}, which ComfyUI 0\.30\.0 has"):
        list(nodegraph.widgets(GRAPH))
