"""Widgets of the graph as axes: which one is meant, what it takes, and which nodes change with it."""

import dataclasses

import pytest
from athanor.training_core.compare import kinds, upstream, widgets
from athanor.training_core.compare.axes import Axis, Value, WidgetEdit
from athanor.training_core.compare.identity import content_name, identity, parameters
from athanor.training_core.compare.plan import plan
from athanor.training_core.compare.widgets import Widget
from athanor.training_core.errors import AthanorError
from cell import base_cell

LORA = ("LoraLoader", "Load LoRA")


def widget(node, name, title, kinds, type, value, **more):
    return Widget(node=node, name=name, title=title, kinds=kinds, type=type, value=value, **more)


FILES = ("a.safetensors", "b-2.safetensors", "b-10.safetensors")
GRAPH = [
    widget("12", "strength_model", "Load LoRA", LORA, "FLOAT", 1.0, minimum=-100, maximum=100),
    widget("12", "lora_name", "Load LoRA", LORA, "COMBO", "a.safetensors", options=FILES),
    widget("3:7", "strength_model", "Style v1.5", LORA, "FLOAT", 1.0, minimum=-100, maximum=100),
    widget("4", "width", "Empty Latent Image", ("EmptyLatentImage", "Empty Latent Image"), "INT", 512, minimum=16, maximum=16384),
    widget("5", "text", "Prompt", ("CLIPTextEncode", "CLIP Text Encode"), "STRING", "a cat, 1girl"),
    widget("6", "zsnr", "Sampling", ("ModelSamplingDiscrete", "ModelSamplingDiscrete"), "BOOLEAN", False),
]  # fmt: skip


def read(name, text, whole_word=True):
    return kinds.read_widget(name, text, GRAPH, whole_word)


def typed(axis):
    return [dict(value.changes)["widget"].value for value in axis.values]


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("Load LoRA (12).strength_model", "12"),
        ("12.strength_model", "12"),
        ("LoraLoader (12).strength_model", "12"),
        ("Style v1.5 (3:7).strength_model", "3:7"),
        ("3:7.strength_model", "3:7"),
        ("style v1.5.strength_model", "3:7"),
        ("CLIPTextEncode.text", "5"),
        ("its old title (5).text", "5"),
    ],
)
def test_names_of_widgets(name, node):
    assert widgets.find(name, GRAPH).node == node


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("", "1", "widget is empty"),
        ("12.strenght_model", "1", "the nearest: 12.strength_model"),
        ("LoraLoder.lora_name", "a", "the nearest: LoraLoader.lora_name"),
        ("LoraLoader.strength_model", "1", "could be Load LoRA (12).strength_model or Style v1.5 (3:7).strength_model"),
        ("12.strength_model", "0-200(100)", "takes at least -100 and at most 100, not 200"),
        ("12.strength_model", "a", "'a' is not a number"),
        ("4.width", "64.5", "is not a whole number"),
        ("12.lora_name", "c", "there is no lora_name of Load LoRA 'c'; "),
        ("6.zsnr", "maybe", "is a switch and takes true or false, not 'maybe'"),
        ("5.text", "dog => cow", "'dog' is not in the text of Prompt (5).text"),
        ("5.text", "", "values is empty"),
    ],
)
def test_what_a_widget_does_not_take(name, text, words):
    with pytest.raises(AthanorError) as caught:
        read(name, text)
    assert words in str(caught.value)


def test_values_have_the_type_of_their_widget():
    assert typed(read("12.strength_model", "0.6-1(0.2)")) == [0.6, 0.8, 1.0]
    assert typed(read("4.width", "64, 128, .., 256")) == [64, 128, 192, 256]
    assert all(type(v) is int for v in typed(read("4.width", "64")))
    assert typed(read("12.lora_name", "b-*")) == ["b-2.safetensors", "b-10.safetensors"]
    assert typed(read("6.zsnr", "off, on, true")) == [False, True, True]
    assert typed(read("5.text", "one, two\nthree")) == ["one, two", "three"]
    assert typed(read("5.text", "cat => dog\n1girl => 2girls")) == ["a dog, 1girl", "a cat, 2girls"]
    assert read("12.lora_name", "a").title == "Load LoRA.lora_name"
    alike = [*GRAPH, dataclasses.replace(GRAPH[0], node="13")]
    assert widgets.read(GRAPH[0], "1", alike).title == "Load LoRA (12).strength_model"


def test_which_nodes_change():
    graph = {
        "1": {"class_type": "Loader", "inputs": {"name": "x"}},
        "2": {"class_type": "LoRA", "inputs": {"model": ["1", 0], "clip": ["1", 1], "strength": 1}},
        "3": {"class_type": "Shift", "inputs": {"model": ["2", 0], "by": ["6", 0]}},
        "4": {"class_type": "Encode", "inputs": {"clip": ["2", 1]}},
        "6": {"class_type": "Number", "inputs": {"value": 3}},
    }
    links = [["3", 0], ["2", 1]]
    assert upstream.changed(graph, links, {"2"}) == ["2", "3"]
    assert upstream.changed(graph, links, {"6"}) == ["6", "3"]
    assert upstream.changed(graph, links, {"4"}) == []
    assert upstream.edge(graph, ["2", "3"]) == [("1", 0), ("1", 1), ("6", 0)]
    assert upstream.takers(graph, "1", {"Encode"}) == ["4"]
    changed = upstream.edited(graph, [WidgetEdit("2", "strength", 0.5)])
    assert changed["2"]["inputs"]["strength"] == 0.5 and graph["2"]["inputs"]["strength"] == 1


def test_cells_of_widgets():
    first, second = read("12.strength_model", "0, 1"), read("6.zsnr", "on, off")
    planned = plan([first, second], base_cell())
    assert len(set(planned.cells)) == 4 and planned.cells[0].widgets == (
        WidgetEdit("12", "strength_model", 0.0),
        WidgetEdit("6", "zsnr", True),
    )
    weights = [cell.weights for cell in planned.order]
    assert weights == list(dict.fromkeys(weights))  # each variant once
    assert "12.strength_model: 0.0, 6.zsnr: true" in parameters(planned.cells[0])
    together = kinds.join([first, second])
    assert [len(c.widgets) for c in plan([together], base_cell()).cells] == [2, 2]


def test_the_identity_of_a_cell_is_what_comes_out_of_the_graph():
    edits, base = (WidgetEdit("12", "strength_model", 0.5),), base_cell()
    contents = {"model:": "m", "vae:": "v", content_name("model:", edits): "m2", content_name("vae:", edits): "v"}
    edited = dataclasses.replace(base, widgets=edits)
    assert identity(base, contents) != identity(edited, contents)
    assert identity(edited, contents | {content_name("model:", edits): "m"}) == identity(base, contents)
    other = dataclasses.replace(base, widgets=(WidgetEdit("99", "strength_model", 0.5),))  # the node got another number
    renamed = {content_name("model:", other.widgets): "m2", content_name("vae:", other.widgets): "v"}
    assert identity(other, contents | renamed) == identity(edited, contents)


def test_a_widget_is_dearer_than_a_lora():
    edit = WidgetEdit("12", "strength_model", 0.5)
    widget, lora = Axis("w", (Value("1", (("widget", edit),)),)), Axis("s", (Value("1", (("lora", ()),)),))
    assert kinds.cost(widget) > kinds.cost(lora)
