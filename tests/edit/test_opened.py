"""LoRA files of all trainers are opened as layers in kohya's spelling."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from athanor.training_core.edit.opened import opened
from athanor.training_core.errors import AthanorError
from safetensors.torch import save_file

ONE = torch.ones(2, 2)


@pytest.mark.parametrize(
    ("keys", "layers"),
    [
        (("lora_unet_a_b.lora_up.weight", "lora_unet_a_b.lora_down.weight"), {"lora_unet_a_b": "lora_unet_a_b"}),
        (
            ("diffusion_model.a.b.lora_B.weight", "diffusion_model.a.b.lora_A.weight"),
            {"lora_unet_a_b": "diffusion_model.a.b"},
        ),
        (("transformer.a.b.lora_B.weight", "transformer.a.b.lora_A.weight"), {"lora_unet_a_b": "transformer.a.b"}),
        (("lora_te_text_model_x.lora_up.weight",), {"lora_te1_text_model_x": "lora_te_text_model_x"}),
        (("lora_te1_text_model_x.diff",), {"lora_te1_text_model_x": "lora_te1_text_model_x"}),
        (
            ("text_encoder.text_model.x.lora_A.weight", "text_encoder_2.text_model.x.lora_A.weight"),
            {
                "lora_te1_text_model_x": "text_encoder.text_model.x",
                "lora_te2_text_model_x": "text_encoder_2.text_model.x",
            },
        ),
        (("lora_unet_a.diff", "lora_unet_b.alpha", "bundle_emb.x.clip_l"), {"lora_unet_a": "lora_unet_a"}),
    ],
)
def test_layers_of_all_spellings(tmp_path: Path, keys: tuple[str, ...], layers: dict[str, str]):
    path = tmp_path / "a.safetensors"
    save_file({key: ONE.clone() for key in keys}, path, {"ss_x": "1"})
    with opened([path]) as (file,):
        assert file.layers == layers
        assert file.metadata == {"ss_x": "1"}
        assert all(torch.equal(value, ONE) for layer in layers for value in file.pieces(layer).values())
        assert file.pieces("not there") == {}
        assert file.others == tuple(key for key in keys if key.startswith("bundle_emb"))


def test_what_is_no_lora_is_told(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    save_file({"model.x": ONE}, path)
    with pytest.raises(AthanorError, match="contains no LoRA"), opened([path]):
        pass
    save_file({"diffusion_model.a.b.diff": ONE, "lora_unet_a_b.diff": ONE.clone()}, path)
    with pytest.raises(AthanorError, match="one layer under two names"), opened([path]):  # one of them was lost
        pass
    path.write_bytes(b"x" * 100)
    with pytest.raises(AthanorError, match="cannot be read as safetensors"), opened([path]):
        pass
