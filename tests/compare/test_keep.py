"""A LoRA file of what a cell was drawn with: its weights, its strength, what is told before it is made, and the file."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import lora_kinds
import pytest
import torch
from athanor.training_core.compare import virtual
from athanor.training_core.compare.plan_file import read_plan
from athanor.training_core.errors import AthanorError
from safetensors.torch import save_file
from waiting import until

LAYERS = ("lora_unet_mid_block_attentions_0_proj_in", "lora_te1_text_model_encoder_layers_0_mlp_fc1")


@pytest.fixture
def loras(comfy, tmp_path, monkeypatch) -> Path:
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    return tmp_path


def write(folder: Path, name: str, seed: int, kind: str = "lora", **metadata: str) -> None:
    tensors = {}
    for i, layer in enumerate(LAYERS):
        made = torch.Generator().manual_seed(seed * 10 + i)
        for piece, value in lora_kinds.KINDS[kind].items():
            more = 0.3 * torch.randn(value.shape, generator=made) if value.ndim else 0
            tensors[f"{layer}.{piece}"] = value + more
    save_file(tensors, folder / f"{name}.safetensors", metadata)


def plan(*stack: list, label: str = "mean 1-2", **more) -> dict:
    axes = [
        {"title": "prompt", "common": "", "values": ["a", "b"], "names": ["a", "b"]},
        {"title": "checkpoint of x", "common": "", "values": ["base", label], "names": ["base model", label]},
    ]
    return {
        "title": "x  \u00b7  euler", "axes": axes, "cells": ["k0", "k1", "k2", "k3"], "virtual": {"loras": {"k3": list(stack)}},
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("stack", "weights", "strength", "texts"),
    [
        ([("x-000001", 0.4, 0.4), ("x-000002", 0.4, 0.4)], [0.5, 0.5], (0.8, 0.8), [None, None]),
        ([("x-000001", 0.4, 0.2), ("x-000002", 0.4, 0.2)], [0.5, 0.5], (0.8, 0.4), [None, None]),
        ([("x-000001", 0.4, 0), ("x-000002", 0.4, 0)], [0.5, 0.5], (0.8, 0), [None, None]),
        ([("x-000001", -0.3, -0.3), ("x-000002", 1.3, 1.3)], [-0.3, 1.3], (1, 1), [None, None]),
        ([("x-000001", 0.5, 0.1), ("x-000002", 0.5, 0.9)], [0.5, 0.5], (1, 1), [0.1, 0.9]),
        ([("x-000001", 0.8, 0.8), ("other", 0.5, 0.5)], [0.8, 0.5], (1, 1), [None, None]),
        ([("x-000001", 0.8, 0.4), ("other", 0.5, 0.25)], [0.8, 0.5], (1, 0.5), [None, None]),
        ([("x-000001", 1, 1), ("x-000002", -1, -1)], [1, -1], (1, 1), [None, None]),
    ],
)
def test_an_average_is_used_at_its_strength_and_a_stack_holds_its_own(loras, stack, weights, strength, texts):
    from athanor.training_core.compare import keep

    for seed, name in enumerate(("x-000001", "x-000002", "other")):
        write(loras, name, seed)
    made = keep.of_cell(plan(*([f"{name}.safetensors", a, b, ""] for name, a, b in stack)), "k3")
    assert [source.weight for source in made.sources] == pytest.approx(weights)
    assert (made.strength, made.strength_clip) == pytest.approx(strength)
    assert [source.text for source in made.sources] == texts and made.name == "x-mean-1-2"


def test_a_name_begins_with_the_run(loras):
    from athanor.training_core.compare import keep

    write(loras, "x-000009", 1)
    given = plan(["x-000009.safetensors", 1, 1, "all but IN04"], label="epoch 9")
    given["axes"][0] = {"title": "LoRA blocks", "values": ["all", "IN04 off"]}
    assert keep.of_cell(given, "k3").name == "x-epoch-9-IN04-off"


@pytest.mark.parametrize("kind", [*lora_kinds.KINDS])
def test_what_is_told_before_is_what_is_made(loras, kind):
    """Rank, size, and whether it is exact, from headers alone; and the file is the sum where it is said to be exact."""
    from athanor.training_core.compare import keep, keep_file
    from athanor.training_core.edit.opened import opened

    for seed in (1, 2):
        write(loras, f"x-00000{seed}", seed, kind)
    mixture = keep.of_cell(plan(*([f"x-00000{n}.safetensors", 0.5, 0.5, ""] for n in (1, 2))), "k3")
    for rank in (None, 0, 2):
        choice = keep_file.Choice(rank=rank, precision="float", name=f"made-{rank}")
        told = keep_file.offer(mixture, choice)
        made = keep_file.make(mixture, choice, lambda done, total: None)
        with opened([loras / made["file"]]) as (file,):
            ranks = [file.shapes(layer).get("lora_down.weight", (0,))[0] for layer in file.layers]
        assert max(ranks) == (told["largest_rank"] if max(ranks) else 0), (rank, told)
        assert abs(told["bytes"] - made["bytes"]) < 2000, (rank, told)  # of metadata
        assert ("Equal to the sum of the originals." in made["text"]) == told["exact"], (rank, told)


def test_a_stack_of_blocks_is_a_file_of_them(loras):
    """The strength of its blocks, and another one of the text encoder, are in the layers; where parts agree, only the use differs."""
    from athanor.training_core.compare import keep, keep_file
    from athanor.training_core.edit.change import dense
    from athanor.training_core.edit.opened import opened

    for seed, name in enumerate(("a", "b")):
        write(loras, name, seed)
    stack = ["a.safetensors", 0.5, 0.25, "mid 0.5"], ["b.safetensors", 1.0, -1.0, "te"]
    mixture = keep.of_cell(plan(*stack), "k3")
    made = keep_file.make(mixture, keep_file.Choice(name="c"), lambda done, total: None)
    assert made["axis"] == "" and made["text"][-1] == "The strengths are in the file: use it at 1."
    with opened([loras / "a.safetensors", loras / "b.safetensors", loras / "c.safetensors"]) as files:
        unet, text = ([dense(file.pieces(layer)) for file in files if layer in file.layers] for layer in LAYERS)
        assert torch.allclose(0.25 * unet[0], unet[-1], atol=1e-6)
        assert torch.allclose(0.25 * text[0] - text[1], text[-1], atol=1e-5)
    told = json.loads(keep.safetensors_metadata(loras / "c.safetensors")["athanor_edit"])["from"]
    assert [(part["weight"], part["text_encoder"], part["blocks"]) for part in told] == [
        (0.5, 0.25, "mid 0.5"),
        (1, -1, "te"),
    ]


def test_the_low_noise_model_has_its_own_file_and_a_changed_file_is_named(loras):
    from athanor.training_core.compare import keep, keep_file
    from athanor.training_core.host import fingerprint

    for seed, name in enumerate(("h-000001", "h-000002", "l-000001", "l-000002")):
        write(loras, name, seed)
    stacks = {
        part: {"k3": [[f"{letter}-00000{n}.safetensors", 0.5, 0.5, ""] for n in (1, 2)]}
        for part, letter in (("loras", "h"), ("loras_low", "l"))
    }
    drawn = [fingerprint.file(path) for path in sorted(loras.iterdir())]
    both = plan(virtual=stacks, loras={"k3": [*drawn[:3], "another"]})
    assert virtual.parts_of(both) == {"k3": ["loras", "loras_low"]}
    high, low = (keep.of_cell(both, "k3", part) for part in (virtual.HIGH, virtual.LOW))
    assert [source.title[0] for source in (*high.sources, *low.sources)] == ["h", "h", "l", "l"]
    made = [keep_file.make(each, keep_file.Choice(), lambda done, total: None) for each in (high, low)]
    assert made[0]["axis"].endswith(f"\n{made[0]['file']}:1") and made[1]["axis"] == ""
    assert high.notes == () and low.notes[0].startswith(
        "l-000002.safetensors: not as it was when the picture was drawn"
    )


def test_files_are_made_one_at_a_time_and_how_each_ended_is_told(loras):
    """In a thread, which a request does not wait for: a proxy gives a request up after 100 s, and a large model takes minutes."""
    from athanor.training_core.compare import keep, keep_file, making

    for seed, name in enumerate(("a", "b")):
        write(loras, name, seed)
    mixture = keep.of_cell(plan(["a.safetensors", 1, 1, ""], ["b.safetensors", 1, 1, ""]), "k3")
    maker, go = making.Maker(), threading.Event()
    assert maker.state() == {} and maker.state(1) is None

    def slowly(progress):
        progress(1, 2)
        assert go.wait(30)
        return keep_file.make(mixture, keep_file.Choice(name="c"), progress)

    def ended() -> dict:
        until(lambda: maker.state()["state"] != "making")
        return maker.state()

    assert maker.start("c", slowly)["state"] == "making"
    until(lambda: maker.state()["done"])
    assert maker.state() == {"id": 1, "name": "c", "state": "making", "done": 1, "total": 2}
    with pytest.raises(making.Busy, match="c is being made"):
        maker.start("d", slowly)
    maker.stop()
    go.set()
    assert ended() | {"done": 0} == {
        "id": 1, "name": "c", "state": "stopped", "done": 0, "total": 2, "error": "Stopped: nothing was written.",
    }  # fmt: skip
    assert not (loras / "c.safetensors").exists()
    maker.start("a", lambda progress: keep_file.make(mixture, keep_file.Choice(name="a"), progress))
    assert ended()["error"] == "a.safetensors is in the loras folder already: choose another name."
    maker.start("e", lambda progress: 1 / 0)  # the log has its traceback
    assert (ended()["state"], ended()["error"][:40]) == ("failed", "e could not be made (ZeroDivisionError: ")
    maker.start("c", slowly)
    assert ended()["made"]["file"] == "c.safetensors" and maker.state(1)["state"] == "stopped"
    for choice, words in (("a", r"a.safetensors is in the loras folder"), ("../x", r"^name '\.\./x' is outside the")):
        with pytest.raises(AthanorError, match=words):
            keep_file.check(mixture, keep_file.Choice(name=choice))
    assert keep_file.check(mixture, keep_file.Choice(name=" c ")) == "c"  # a recipe's file may be the same


def test_a_part_of_the_steps_is_no_part_of_the_file(loras):
    """It said "as the picture was drawn" of a picture that was drawn with the LoRAs on for half of the steps."""
    from athanor.training_core.compare import keep, keep_file

    for seed, name in enumerate(("x-000001", "x-000002")):
        write(loras, name, seed)
    stack = [[f"x-00000{n}.safetensors", 0.5, 0.5, ""] for n in (1, 2)]
    line = "LoRA steps: 0.1-1\nNegative prompt: \nSteps: 2, Seed: 0{}"
    for more, words in (
        ("", "Use it at strength 1, as the picture"),
        (", LoRA steps: 0-0.5", "on from 0 to 0.5 of the samp"),
    ):
        told = keep_file.offer(
            keep.of_cell(plan(*stack, parameters={"k3": line.format(more)}), "k3"), keep_file.Choice()
        )
        assert words in "".join(told["text"]) and ("as the picture" in "".join(told["text"])) != bool(more)


@pytest.mark.parametrize(
    ("tags", "count", "names"),
    [
        (" <lora:sub/x:0.8:0.5> <lora:y:-0.25>", 2, [("sub/x", 0.8, 0.5), ("y", -0.25, -0.25)]),
        (" <lora:typed:1> <lora:x:1e-05> <lora:y:1>", 2, [("x", 1e-5, 1e-5), ("y", 1, 1)]),
        (" <lora:x:1>", 1, []),  # a file as it is
        (" <lora:x:1>", 2, []),  # of which the plan says otherwise
    ],
)
def test_plans_of_older_versions_tell_stacks_by_their_parameters(tags, count, names):
    older = plan() | {
        "loras": {"k3": ["d"] * count},
        "parameters": {"k3": f"a cat{tags}\nNegative prompt: x\nSteps: 1"},
    }
    del older["virtual"]
    stack = [(lora.name, lora.strength_model, lora.strength_clip) for lora in virtual.stack_of(older, "k3")]
    assert stack == names and virtual.parts_of(older) == ({"k3": ["loras"]} if names else {})
    assert virtual.stack_of({"title": "of a version that wrote no more"}, "k3") == ()


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        *(
            ("virtual", kept)
            for kept in ([], {"x": {}}, {"loras": []}, {"loras": {"k3": []}}, {"loras": {"k3": [["a", 1, "1", ""]]}})
        ),
        # Names are what a new file is called by: of another number there was an IndexError.
        *(
            ("axes", [{"title": "x", "values": ["a"]} | more])
            for more in ({"names": ["a", "b"]}, {"names": "a"}, {"common": 1})
        ),
    ],
)
def test_a_damaged_entry_is_named(tmp_path, entry, kept):
    (tmp_path / "plan.json").write_text(json.dumps({"title": "x", entry: kept}))
    with pytest.raises(AthanorError, match=f"damaged: {entry}"):
        read_plan(tmp_path)


def test_only_what_is_no_file_is_kept_in_the_plan():
    from athanor.training_core.compare.cells import Lora

    def cell(*loras, low=()):
        from types import SimpleNamespace

        return SimpleNamespace(loras=loras, loras_low=low)

    one, other = Lora("a", 1, 1), Lora("b", 0.5, 0.25, "mid 0")
    made = Lora("athanor-averages\\d.safetensors", 1, 1)
    cells = {"p": cell(), "q": cell(one), "r": cell(one, other), "s": cell(other, low=(one, one)), "t": cell(made)}
    assert virtual.told(cells) == {
        "loras": {
            "r": [["a", 1, 1, ""], ["b", 0.5, 0.25, "mid 0"]],
            "s": [["b", 0.5, 0.25, "mid 0"]],
            "t": [[made.name, 1, 1, ""]],
        },
        "loras_low": {"s": [["a", 1, 1, ""], ["a", 1, 1, ""]]},
    }


def dora(folder: Path, epoch: int, norm: float, run: str = "d"):
    from athanor.training_core.history.handle import Checkpoint

    name = f"{run}-{epoch:06d}.safetensors"
    tensors = {f"{LAYERS[0]}.{piece}": value for piece, value in lora_kinds.lora(seed=epoch, size=(24, 16)).items()}
    save_file(tensors | {f"{LAYERS[0]}.dora_scale": torch.full((24, 1), norm)}, folder / name)
    return Checkpoint(epoch=epoch, step=epoch, lora_name=name, path=folder / name, hash="", last=False)


def test_an_average_of_dora_of_two_experts_is_two_files(loras, monkeypatch):
    """It was left out without a word, as are epochs that only one of both has, which is said now; and there was no progress bar."""
    from athanor.training_core.compare import epochs, experts, runs
    from athanor.training_core.files import read_safetensors
    from athanor.training_core.host import node_tools

    steps = []
    bar = SimpleNamespace(update_absolute=lambda done, total: steps.append((done, total)))
    monkeypatch.setattr(node_tools, "progress_bar", lambda total: bar)
    monkeypatch.setattr(runs, "of_run", lambda run: run)
    high, low = (
        runs.Points(name, tuple(dora(loras, epoch, norm, name) for epoch, norm in norms))
        for name, norms in (("h", [(1, 1.0), (2, 3.0), (3, 1.0)]), ("l", [(1, 10.0), (2, 30.0)]))
    )
    axis = experts.paired(epochs.axis(high, "all, mean(1-2), mean(2-3)"), high, low)
    assert [value.label for value in axis.values] == ["base model", "epoch 1", "epoch 2", "mean 1-2"]
    changes = dict(axis.values[-1].changes)
    norms = [
        read_safetensors(loras / changes[part][0].name)[0][f"{LAYERS[0]}.dora_scale"][0].item()
        for part in ("lora", "lora_low")
    ]
    assert norms == [2, 20] and steps[:2] == [(0, 1), (1, 1)]
    said = "Left out, as l has no checkpoint of the same epoch: epoch 3, mean 2-3."
    assert axis.notes[-1] == said and axis.notes[-2].startswith("l mean 1-2: DoRA has no exact average.")
    alone = experts.paired(epochs.axis(low, "mean(1-2)", include_base=False), None, low)
    assert dict(alone.values[0].changes).keys() == {"lora_low"} and alone.notes[-1].startswith("l mean 1-2")


def test_an_average_of_dora_is_a_file_that_is_found_again(loras):
    """Its norms are averaged; it is made once, and anew only where an epoch is another file; the node says what it is."""
    from athanor.training_core.compare import epochs, keep, keep_file, made_average, runs
    from athanor.training_core.files import read_safetensors

    points = runs.Points("d", (dora(loras, 1, 1.0), dora(loras, 2, 3.0)))

    def drawn() -> Path:
        axis = epochs.axis(points, "mean(1-2)", include_base=False)
        ((value,), (note,)) = axis.values, axis.notes
        (choice,) = dict(value.changes)["lora"]
        assert value.label == "mean 1-2" and choice.weight == 1
        assert note.startswith("d mean 1-2: DoRA has no exact average. d-mean-1-2-") and "% from their average)" in note
        assert choice.name.startswith("athanor-averages")
        return loras / choice.name

    first = drawn()
    made = first.stat().st_mtime_ns
    tensors = read_safetensors(first)[0]
    assert torch.equal(tensors[f"{LAYERS[0]}.dora_scale"], torch.full((24, 1), 2.0))
    assert tensors[f"{LAYERS[0]}.lora_down.weight"].shape[0] == 3  # as the epochs have
    assert drawn() == first and first.stat().st_mtime_ns == made
    write(first.parent, "of the user", 1)
    assert made_average.files() == [first]  # what the sidebar counts and deletes
    dora(loras, 2, 5.0)
    tensors = read_safetensors(drawn())[0]
    assert torch.equal(tensors[f"{LAYERS[0]}.dora_scale"], torch.full((24, 1), 3.0))
    # What is liked is saved under a name of its own: the sidebar deletes those that axes have made.
    mixture = keep.of_cell(plan([str(first.relative_to(loras)), 0.8, 0.8, ""]), "k3")
    kept = keep_file.make(mixture, keep_file.Choice(), lambda done, total: None)
    assert kept["file"] == "x-mean-1-2.safetensors" and "Use it at strength 0.8" in kept["text"][-1]
    assert all(
        torch.equal(value, read_safetensors(first)[0][key])
        for key, value in read_safetensors(loras / kept["file"])[0].items()
    )
    # Saved from the run, it may have the rank that loses nothing of the changes.
    offer = keep_file.offer(keep.of_average(points, "mean(1-2)"), keep_file.Choice(rank=0))
    assert (offer["largest_rank"], offer["exact"], offer["own_rank"]) == (6, False, 3)
    assert (
        "DoRA has no exact average: changes and norms are averaged apart, so compare it with the files."
        in offer["text"]
    )
