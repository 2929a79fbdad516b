"""Which cells there are, where they stand, and in which order they are sampled."""

import dataclasses
import itertools

import pytest
from athanor.training_core.compare import kinds
from athanor.training_core.compare import plan as planning
from athanor.training_core.compare.axes import Axis, LoraChoice, Value
from athanor.training_core.compare.cells import Lora
from athanor.training_core.errors import AthanorError
from cell import base_cell

KNOWN = {
    "samplers": ["euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde"],
    "schedulers": ["normal", "karras", "sgm_uniform"],
    "models": ["base.safetensors", "sub/other.safetensors"],
    "vaes": ["fix.safetensors", "taesd"],
    "loras": ["char-000002.safetensors", "char-000010.safetensors", "char.safetensors", "style v2.safetensors"],
}
BASE = base_cell()


def read(kind, text, whole_word=True):
    return kinds.read(kind, text, KNOWN, whole_word)


def labels(axis):
    return [value.label for value in axis.values]


def changes(axis):
    return [dict(value.changes) for value in axis.values]


def test_every_type_can_be_read():
    examples = {
        "LoRA": "char", "seed": "x2", "steps": "20", "sampler": "euler", "scheduler": "karras", "size": "512",
        "sampler + scheduler": "euler/karras", "model": "base", "VAE": "taesd", "clip skip": "2",
        "prompt S/R": "cat, dog", "prompt S/R (positive)": "cat, dog", "prompt S/R (negative)": "blurry, sharp",
        "prompt": "a\nb", "negative prompt": "a", kinds.CHECKPOINT: "2, last",
        "LoRA blocks": "each off\nin 0.5, mid 0", "LoRA steps": "0-0.5, 0.3-1",
    }  # fmt: skip
    for kind in set(kinds.KINDS) - {kinds.WIDGET}:  # see test_widgets.py
        axis = read(kind, examples.get(kind, "1, 0.5"))
        assert axis.fields and (axis.values or kind == kinds.CHECKPOINT), kind


def test_values():
    assert changes(read("clip skip", "2, -1")) == [{"clip_skip": -2}, {"clip_skip": -1}]
    assert changes(read("size", "512x768")) == [{"width": 512, "height": 768}]
    pair = {"sampler": "dpmpp_2m", "scheduler": "karras"}
    for text in ("dpmpp_2m/karras", "DPM++ 2M Karras", "dpmpp_2m karras", "dpmpp_2m | Karras"):
        assert changes(read("sampler + scheduler", text)) == [pair], text
    assert changes(read("LoRA strength", "0.5")) == [{"strength_model": 0.5, "strength_clip": 0.5}]
    assert changes(read("prompt", "a, b")) == [{"positive": "a, b"}]


def test_loras():
    assert labels(read("LoRA", "none, char-*")) == ["base model", "char-000002", "char-000010"]
    assert labels(read("LoRA", "char:0.4-0.8(0.2)")) == ["char 0.4", "char 0.6", "char 0.8"]
    (stack,) = changes(read("LoRA", "char:0.8:0.5 + style v2"))
    assert stack["lora"] == (LoraChoice("char.safetensors", 0.8, 0.5), LoraChoice("style v2.safetensors"))
    assert len(read("LoRA", "char:1 || char-000010:1, 2").values) == 3


def test_loras_of_one_name_in_two_folders_are_told_apart():
    known = {**KNOWN, "loras": ("foo.safetensors", "style/foo.safetensors", "style/bar.safetensors")}
    axis = kinds.read("LoRA", "none, foo, style\\foo, bar", known)
    assert labels(axis) == ["base model", "foo", "style/foo", "bar"]
    assert labels(kinds.read("LoRA", "foo, foo, style/bar", known)) == ["foo", "foo", "bar"]


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("sampler", "eulr", "there is no sampler 'eulr'; the nearest: euler"),
        ("LoRA", "chr", "there is no LoRA 'chr'; the nearest:"),
        ("LoRA", "nothing-*", "nothing matches the pattern 'nothing-\\*'"),
        ("LoRA", "char:1:2:3", "too many ':'"),
        ("sampler + scheduler", "euler", "not a sampler and a scheduler"),
        ("sampler + scheduler", "euler/karas", "no scheduler 'karas'; the nearest: karras"),
        ("denoise", "1.5", "denoise 1.5 is not between 0 and 1"),
        ("clip skip", "0", "clip skip 0 is not from 1"),
        ("prompt", " ", "values is empty"),
        ("colour", "1", "type 'colour' does not exist"),
    ],
)
def test_wrong_values(kind, text, words):
    with pytest.raises(AthanorError, match=words):
        read(kind, text)


def test_search_and_replace_in_prompts():
    axis = read("prompt S/R", "cat, dog")
    plan = planning.plan([axis], BASE)
    assert [c.positive for c in plan.cells] == ["a red cat, 1girl", "a red dog, 1girl"]
    two = planning.plan([axis, read("prompt S/R (negative)", "blurry => sharp")], BASE)
    assert [(c.positive[6:9], c.negative) for c in two.cells] == [("cat", "sharp"), ("dog", "sharp")]
    with pytest.raises(AthanorError, match="'bird' is not in the prompt 'a red cat, 1girl'"):
        planning.plan([read("prompt S/R", "bird, dog")], BASE)
    with pytest.raises(AthanorError, match="only part of a longer word; turn whole_word off"):
        planning.plan([read("prompt S/R", "girl, boy")], BASE)
    assert planning.plan([read("prompt S/R", "girl, boy", False)], BASE).cells[1].positive == "a red cat, 1boy"
    with pytest.raises(AthanorError, match="is not in the negative prompt"):
        planning.plan([read("prompt S/R (negative)", "cat, dog")], BASE)


def test_a_prompt_axis_and_a_replacement_go_together():
    plan = planning.plan([read("prompt", "a cat\nthe cat"), read("prompt S/R", "cat, dog")], BASE)
    assert [c.positive for c in plan.cells] == ["a cat", "a dog", "the cat", "the dog"]
    with pytest.raises(AthanorError, match="is not in the prompt 'a bird'"):
        planning.plan([read("prompt", "a cat\na bird"), read("prompt S/R", "cat, dog")], BASE)


def test_two_axes_cannot_set_the_same():
    with pytest.raises(AthanorError, match="'cfg' and 'cfg' both set cfg"):
        planning.plan([read("cfg", "3, 4"), read("cfg", "5")], BASE)
    with pytest.raises(AthanorError, match=r"'sampler' and 'sampler . scheduler' both set sampler"):
        planning.plan([read("sampler", "euler"), read("sampler + scheduler", "euler/karras")], BASE)


def test_absurd_sizes_are_explained():
    with pytest.raises(AthanorError, match="10000 x 11 = 110000 pictures; at most 100000"):
        planning.plan([read("seed", "1-10000"), read("cfg", "1-11")], BASE)


def test_zip():
    joined = kinds.join([read("LoRA", "char-000002, char"), read("prompt S/R", "cat, dog")])
    assert labels(joined) == ["char-000002  cat", "char  dog"] and kinds.cost(joined) == 5
    assert kinds.join([dataclasses.replace(joined, notes=("near",))]).notes == ("near",)
    plan = planning.plan([joined], BASE)
    assert [(c.loras[0].name[:-12], c.positive[6:9]) for c in plan.cells] == [("char-000002", "cat"), ("char", "dog")]
    with pytest.raises(AthanorError, match=r"cfg, 2 values: 3, 4; but steps, 3 values: 10, 20, 30"):
        kinds.join([read("cfg", "3, 4"), read("steps", "10, 20, 30")])
    with pytest.raises(AthanorError, match="both set cfg"):
        kinds.join([read("cfg", "3, 4"), read("cfg", "1, 2")])


def test_strengths_and_stacks():
    loras = read("LoRA", "none, char, char + style v2:0.3")
    plan = planning.plan([loras, read("LoRA strength", "0, 0.5, 1")], BASE)
    assert plan.cells[0] == plan.cells[1] == plan.cells[2] == plan.cells[3] == BASE  # no LoRA, or at 0
    assert plan.cells[7].loras == (Lora("char.safetensors", 0.5, 0.5), Lora("style v2.safetensors", 0.3, 0.3))
    assert len(plan.order) == 1 + 2 + 3
    split = planning.plan([loras, read("LoRA strength (text encoder)", "0, 1")], BASE, (0.8, 0.8))
    assert split.cells[2].loras == (Lora("char.safetensors", 0.8, 0.0),)
    both = planning.plan([read("LoRA", "char, none"), read("LoRA", "style v2, none")], BASE)
    assert [len(c.loras) for c in both.cells] == [2, 1, 1, 0]


@pytest.mark.parametrize("sizes", [(3,), (2, 3), (3, 2, 4), (2, 2, 2, 2), (1, 5, 1, 3), (4, 3, 3)])
def test_one_thing_changes_at_a_time(sizes):
    """The snake: neighbours in the order differ by one step on one axis, and every combination comes once."""
    all_axes = [
        Axis(field, tuple(Value(str(i), ((field, i),)) for i in range(n)))
        for field, n in zip(("cfg", "model", "positive", "lora"), sizes, strict=False)
    ]
    walk = list(planning.snake(all_axes))
    assert sorted(walk) == sorted(itertools.product(*map(range, sizes)))
    for a, b in itertools.pairwise(walk):
        steps = [abs(x - y) for x, y in zip(a, b, strict=True)]
        assert sorted(steps)[-1] == 1 and sum(steps) == 1


def test_what_is_dear_changes_rarely():
    order = [read("cfg", "3, 4"), read("LoRA", "none, char, char-000002"), read("prompt", "a\nb\nc"),
             read("model", "base, other"), read("LoRA strength", "0.6, 0.8, 1")]  # fmt: skip
    plan = planning.plan(order, BASE)
    assert plan.models == 2 and plan.lora_patches == 2 * 2 * 3
    assert len(plan.order) == 2 * (1 + 2 * 3) * 3 * 2


def test_random_seeds_are_given_by_the_plan():
    axis = read("seed", "x2, 7")
    assert planning.randoms([axis], BASE) == [1, 2]
    plan = planning.plan([axis], BASE, seeds={1: 111, 2: 222})
    assert [c.seed for c in plan.cells] == [111, 222, 7]
