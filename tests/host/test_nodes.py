"""What the page sees of the nodes."""

import graphs

NODES = {
    "AthanorDatasetLoader", "AthanorBucketer", "AthanorNetworkConfig", "AthanorBlockConfig", "AthanorLossConfig", "AthanorNoiseConfig",
    "AthanorOptimizerConfig", "AthanorTrainLoRA", "AthanorXYZCompare", "AthanorDatasetFromImages", "AthanorCacheConfig",
    "AthanorDatasetDoctor", "AthanorCaptionEdit", "AthanorMergeTags", "AthanorBalanceRepeats", "AthanorDatasetImages",
    "AthanorSaveCaptions",
    "AthanorConditioningConfig", "AthanorValidationConfig", "AthanorSampleConfig", "AthanorTimestepPlot", "AthanorLRPlot",
    "AthanorLoRAInfo", "AthanorXYZAxis",
    "AthanorLoRARunAxis", "AthanorXYZModelAxis", "AthanorXYZZip", "AthanorXYZPlan", "AthanorXYZGridImage", "AthanorLossCompare",
    "AthanorLikeness",
}  # fmt: skip
"""Ids are stable for ever: workflows hold them."""


def test_every_node_input_and_output_explains_itself(server):
    info = {name: node for name, node in server.get("/object_info").items() if name.startswith("Athanor")}
    assert set(info) >= NODES
    for name, node in info.items():
        assert node["description"] and node["category"].startswith("Athanor"), name
        for group in ("required", "optional"):
            for field, spec in node["input"].get(group, {}).items():
                assert len(spec[1]["tooltip"]) > 10, (name, field)
        assert all(node["output_tooltips"]) and len(node["output_tooltips"]) == len(node["output"]), name


def test_small_numbers_show_their_digits(server):
    """Without a step the page would show a learning rate as 0.0."""
    info = server.get("/object_info")
    for name in NODES:
        for field, spec in info[name]["input"].get("optional", {}).items():
            if spec[0] == "FLOAT" and spec[1]["default"]:
                assert spec[1]["step"] <= abs(spec[1]["default"]) and spec[1]["round"] is False, (name, field)


def test_the_seed_stays_as_it_is(server):
    """Otherwise every Run would train anew."""
    seed = server.get("/object_info")["AthanorTrainLoRA"]["input"]["optional"]["seed"][1]
    assert seed["control_after_generate"] == "fixed"


def test_a_graph_may_end_in_what_shows_a_picture(server):
    """LR Schedule Plot alone was "Prompt has no outputs"; a picture that another node shows stands there once."""
    shows = {"AthanorLRPlot", "AthanorTimestepPlot", "AthanorLossCompare", "AthanorLoRAInfo", "AthanorDatasetDoctor"}
    info = server.get("/object_info")
    assert all(info[name]["output_node"] for name in {*shows, "AthanorTrainLoRA", "AthanorXYZCompare"})
    plot = {"plot": graphs.node("AthanorLRPlot", steps=20)}
    assert len(server.run(plot)["outputs"]["plot"]["images"]) == 1
    behind = {"seen": graphs.node("PreviewImage", images=["other", 0]), "other": graphs.node("AthanorLRPlot", steps=21)}
    assert set(server.run(behind)["outputs"]) == {"seen"}
