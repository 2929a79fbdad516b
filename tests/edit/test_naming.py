"""Files under other programs' names: kohya's, ComfyUI's, diffusers', and back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.edit import naming
from athanor.training_core.edit.change import dense
from athanor.training_core.errors import AthanorError
from lora_kinds import lora, numbers

QKV, OUT, TEXT = "lora_unet_blocks_0_qkv", "lora_unet_blocks_0_out", "lora_te1_text_model_encoder_layers_0_mlp_fc1"
MODEL = SimpleNamespace(
    diffusers={
        QKV: {f"transformer.blocks.0.to_{name}": slice(4 * i, 4 * i + 4) for i, name in enumerate("qkv")},
        OUT: {"transformer.blocks.0.to_out.0": slice(None)},
        TEXT: {"text_encoder.text_model.encoder.layers.0.mlp.fc1": slice(None)},
    },
    comfyui={
        QKV: "diffusion_model.blocks.0.qkv",
        OUT: "diffusion_model.blocks.0.out",
        TEXT: "text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1",
    },
    own={"lora_unet_blocks_0_qkv": QKV, "diffusion_model.blocks.0.qkv": QKV, "diffusion_model.blocks.0.out": OUT},
    numbered=False,
)
FILE = {
    f"{layer.replace('te1', 'te')}.{piece}": value
    for seed, layer in enumerate((QKV, OUT, TEXT))
    for piece, value in lora(10 * seed).items()
}


def changes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    layers: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        layer, _, piece = key.partition(".lora_") if ".lora_" in key else key.rpartition(".")
        piece = {"A.weight": "down.weight", "B.weight": "up.weight"}.get(piece, piece)
        layers.setdefault(layer, {})[f"lora_{piece}" if piece != "alpha" else piece] = value
    return {layer: dense(pieces) for layer, pieces in layers.items()}


def test_there_and_back_changes_nothing():
    want = changes(FILE)
    comfyui = naming.renamed(FILE, "ComfyUI", MODEL, "float")
    assert set(changes(comfyui)) == set(MODEL.comfyui.values())
    peft = naming.renamed(comfyui, "diffusers", MODEL, "float")
    assert "transformer.blocks.0.to_k.lora_A.weight" in peft and not any("alpha" in key for key in peft)
    torch.testing.assert_close(
        torch.cat([changes(peft)[f"transformer.blocks.0.to_{name}"] for name in "qkv"]), want[QKV], rtol=0, atol=1e-5
    )
    back = naming.renamed(peft, "kohya", MODEL, "float")
    assert set(changes(back)) == set(want)
    for layer, change in changes(back).items():
        torch.testing.assert_close(change, want[layer], rtol=0, atol=1e-5)
    assert naming.renamed(FILE, "as in the file", MODEL, "float") == FILE


def test_what_has_no_such_name_is_told():
    with pytest.raises(AthanorError, match="is no layer of the connected model"):
        naming.renamed({"lora_unet_double_blocks_0.diff": numbers(2, 2, seed=1)}, "kohya", MODEL, "float")
    with pytest.raises(AthanorError, match="hold plain LoRA alone"):
        naming.renamed({f"{OUT}.diff": numbers(2, 2, seed=1)}, "diffusers", MODEL, "float")
    with pytest.raises(AthanorError, match="no names in diffusers"):
        naming.renamed(FILE, "diffusers", SimpleNamespace(**vars(MODEL) | {"diffusers": {}}), "float")
    twice = {**FILE, f"{MODEL.comfyui[QKV]}.lora_up.weight": numbers(2, 2, seed=1)}
    with pytest.raises(
        AthanorError, match="are one layer of this model"
    ):  # the second one had taken the place of the first
        naming.renamed(twice, "kohya", MODEL, "float")
    bundled = {**FILE, "bundle_emb.x.clip_l": numbers(2, 2, seed=1)}
    assert "bundle_emb.x.clip_l" in naming.renamed(bundled, "kohya", MODEL, "float")
