"""A LoRA file of what a cell was drawn with: its weights, its strength, what is told before it is made, and the file."""

from __future__ import annotations

import json
from pathlib import Path

import lora_kinds
import pytest
import torch
from athanor.training_core.compare import virtual
from athanor.training_core.compare.plan_file import read_plan
from athanor.training_core.errors import AthanorError
from safetensors.torch import save_file

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
        assert ("Difference to the sum of the originals: none." in made["text"]) == told["exact"], (rank, told)
