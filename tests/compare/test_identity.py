"""What a cell is known by on disk, and that every field of a cell has its row."""

import dataclasses
from dataclasses import dataclass, field

import pytest
from athanor.training_core.compare import identity as ids
from athanor.training_core.compare import kinds, stock
from athanor.training_core.compare.cells import CHANGES, Cell, Lora
from athanor.training_core.compare.fields import Cost, NodeInput, Patch, defaults, row, rows
from cell import base_cell

CONTENTS = {
    "model:": "m", "vae:": "v", "lora:char.safetensors": "l", "model:other": "o", "vae:fix": "f", "latent": "",
}  # fmt: skip
FROZEN = "fe8f2f338fcdb1b3f4dd017e"
FROZEN_WITH_ALL = "76c44e25c7b4a29998d96782"
FROZEN_DEFAULTS = {
    "loras": (), "guidance": None, "shift": None, "denoise": 1.0, "model": "", "vae": "", "clip_skip": 0, "widgets": (),
    "start": (),
}  # fmt: skip
"""What leaves no trace in an identity. Of a field that has another default now, the row names this one."""


def identity(cell, **more):
    return ids.identity(cell, CONTENTS | more)


def everything():
    """A cell with nothing at its default but widgets, and fields that came later."""
    return base_cell(
        loras=(Lora("char.safetensors", 0.8, 0.5),), seed=2**63, steps=4, cfg=1.5, guidance=3.5, shift=2.0,
        sampler="dpmpp_2m", scheduler="karras", denoise=0.6, width=64, height=32, positive="红 cat", negative="",
        model="other", vae="fix", clip_skip=-2,
    )  # fmt: skip


def test_identities_never_change():
    """If one of these fails, every kept picture would be drawn anew. A field that was renamed or has another default
    keeps its identity by `identity_name` and `identity_default` in its row."""
    assert identity(base_cell()) == FROZEN
    assert identity(everything(), latent="given") == FROZEN_WITH_ALL
    names = {row.identity_name or name: value for name, value in defaults(Cell).items() for row in [rows(Cell)[name]]}
    assert names.items() >= FROZEN_DEFAULTS.items()


def more(declared):
    """Cell with one more field."""
    return dataclass(frozen=True, slots=True, kw_only=True)(
        type("More", (Cell,), {"__annotations__": {"eta": float}, "eta": declared, "__module__": __name__})
    )


def widened(kind, cell, **values):
    return kind(**{f.name: getattr(cell, f.name) for f in dataclasses.fields(cell)}, **values)


def test_a_new_field_changes_no_identity():
    wider = more(row(Cost.SAMPLING, default=1.0, node=NodeInput("sampler", "eta"), parameter="Eta"))
    for cell in (base_cell(), everything()):
        assert identity(widened(wider, cell)) == identity(cell)
        assert identity(widened(wider, cell, eta=0.5)) != identity(cell)
    assert "Eta" not in ids.parameters(widened(wider, base_cell()))
    assert "Eta: 0.5" in ids.parameters(widened(wider, base_cell(), eta=0.5))


def test_a_renamed_field_and_another_default_have_a_way():
    facts = {"node": NodeInput("sampler", "eta"), "parameter": "Eta"}
    before = more(row(Cost.SAMPLING, default=1.0, identity_name="noise", **facts))
    after = more(row(Cost.SAMPLING, default=0.0, identity_name="noise", identity_default=1.0, **facts))
    for eta in (0.0, 0.5, 1.0):
        ids_of = [identity(widened(kind, base_cell(), eta=eta)) for kind in (before, after)]
        assert ids_of[0] == ids_of[1] and (ids_of[0] == FROZEN) == (eta == 1.0)


def test_a_field_without_a_row_is_an_error():
    with pytest.raises(TypeError, match=r"More\.eta has no row"):
        rows(more(field(default=1.0)))


def test_every_field_reaches_the_picture():
    """By an input of a node of every graph, or by a node of its own; the rest names models, LoRAs and latents."""
    assert {name for name, each in rows(Cell).items() if each.node is None} == {
        "model",
        "vae",
        "loras",
        "lora_steps",  # by hooks, see lora_steps.py
        "widgets",
        "start",
        "boundary",
        "loras_low",
        "controls",
    }
    inputs = {(each.node.node, each.node.name) for each in rows(Cell).values() if isinstance(each.node, NodeInput)}
    nodes = {}

    def add(kind, links, widgets):
        nodes[len(nodes)] = (kind, links, widgets)
        return len(nodes) - 1

    stock.add_nodes(base_cell(), {"model": "M", "clip": "C", "vae": "V"}, [], add)
    written = [name for _, _, widgets in nodes.values() for name in widgets if name != "batch_size"]
    assert sorted(written) == sorted(name for _, name in inputs)
    for name, each in rows(Cell).items():
        if isinstance(each.node, Patch):
            assert each.node.port in ("model", "clip", "positive", "negative", "latent"), name


def test_every_change_has_a_reader_and_a_cost():
    """What readers of axes write into values is what a cell knows, and each field can be varied."""
    for name, each in rows(Cell).items():
        assert each.changes and all(CHANGES[change] is known for change, known in each.changes.items()), name
    unread = {name for name, each in rows(Cell).items() if not each.kinds}
    assert unread == {
        "height",
        "widgets",
        "start",
        "boundary",
        "loras_low",
        "controls",
    }  # of the kind "size", of the kind that names a widget, and
    # of the inputs for a low-noise model and for control pictures
    assert len(kinds.KINDS) == len(set(kinds.KINDS)) == sum(len(each.kinds) for each in rows(Cell).values()) + 2


def test_what_an_identity_is_made_of():
    cell = base_cell(loras=(Lora("char.safetensors", 1.0, 1.0),))
    first = identity(cell)
    assert first == identity(dataclasses.replace(cell)) and len(first) == 24
    assert identity(cell, **{"lora:char.safetensors": "replaced"}) != first
    assert identity(cell, **{"model:": "other"}) != first and identity(cell, **{"vae:": "other"}) != first
    assert identity(cell, latent="given") != first
    other = dataclasses.replace(cell, model="x")
    assert identity(other, **{"model:x": "m"}) != identity(other, **{"model:x": "m", "vae:": "other"})
    renamed = dataclasses.replace(cell, loras=(Lora("renamed.safetensors", 1.0, 1.0),))
    assert identity(renamed, **{"lora:renamed.safetensors": "l"}) == first  # the content counts, not the name
    changed = everything()
    differs = {name for name in rows(Cell) if getattr(changed, name) != getattr(cell, name)} - {"model", "vae"}
    assert len(differs) == 14
    seen = {identity(dataclasses.replace(cell, **{name: getattr(changed, name)})) for name in differs}
    assert len(seen | {first}) == 1 + len(differs)


def test_parameters_are_what_a1111_writes():
    cell = base_cell(loras=(Lora("char.safetensors", 0.8, 0.8),), clip_skip=-2, seed=5)
    assert ids.parameters(cell) == (
        "a red cat, 1girl <lora:char:0.8>\nNegative prompt: blurry\nSteps: 20, Sampler: euler, Schedule type: normal, "
        "CFG scale: 7, Seed: 5, Size: 512x512, Clip skip: 2"
    )
    text = ids.parameters(everything())
    for part in ("Model: other", "VAE: fix", "Denoising strength: 0.6", "Distilled CFG Scale: 3.5", "Shift: 2"):
        assert f", {part}" in text
