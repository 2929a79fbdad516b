"""Values of inputs as scripts write them."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("comfy")
def test_links_to_nodes_that_have_any_number_of_outputs(monkeypatch):
    """Some packs' nodes have a tuple of types with more places than its length says; one that has none at all breaks nothing."""
    from athanor.training_core.host import json_values
    from athanor.training_core.host.comfy_nodes import host_nodes

    class Endless(tuple):
        def __getitem__(self, index):
            return "*"

    kinds = {
        "Two": type("Two", (), {"RETURN_TYPES": ("INT", "MODEL")}),
        "Any": type("Any", (), {"RETURN_TYPES": Endless()}),
        "None": type("None", (), {}),
    }
    monkeypatch.setattr(host_nodes, "NODE_CLASS_MAPPINGS", kinds)
    prompt = {
        "1": {"class_type": "Two"},
        "2": {"class_type": "Any"},
        "3": {"class_type": "None"},
        "4": {"class_type": "?"},
    }
    for link, stays in ((["1", 1], 1), (["1", 2], 0), (["2", 7], 1), (["3", 0], 0), (["4", 9], 1), (["5", 0], 0)):
        given = json_values.as_meant("model", link, ("MODEL", {}), prompt)
        assert isinstance(given, json_values.Refused) != stays, link
        assert given == link or not stays
