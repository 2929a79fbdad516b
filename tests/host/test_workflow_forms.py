"""Workflows of the page, read without a host as recipes are: the widgets that are known there are those of ComfyUI's nodes."""

from __future__ import annotations

from athanor.training_core.page_form import is_widget
from athanor.training_core.recipes.forms import own_inputs


def test_widgets_are_in_the_order_of_the_nodes(server):
    nodes = server.get("/object_info")
    kinds = {**own_inputs._OF_SETTINGS, **own_inputs._OF_THE_HOST}
    for kind in kinds:
        real = {**nodes[kind]["input"].get("required", {}), **nodes[kind]["input"].get("optional", {})}
        widgets = [
            name
            for name, (type_, *more) in real.items()
            if is_widget(type_) and not (more and more[0].get("forceInput"))
        ]
        known = own_inputs.inputs_of(kind)
        assert known is not None and list(known) == widgets, kind
        for name, (type_, options) in known.items():
            more = real[name][1] if len(real[name]) > 1 else {}
            assert bool(options.get("control_after_generate")) == bool(more.get("control_after_generate")), (kind, name)
            theirs = "COMBO" if isinstance(real[name][0], list) else real[name][0]
            ours = "COMBO" if isinstance(type_, list) else type_
            assert ours == theirs or (kind, ours, theirs) == ("AthanorSampleConfig", "STRING", "COMBO"), (kind, name)
