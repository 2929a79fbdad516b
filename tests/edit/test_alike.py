"""Files of one model whose layers have different names are added up under one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.edit import build, told
from athanor.training_core.edit.build import Source, Wanted
from athanor.training_core.edit.change import dense
from athanor.training_core.errors import AthanorError
from lora_kinds import lokr, lora, numbers
from safetensors.torch import save_file

QKV, OUT, TEXT = "lora_unet_blocks_0_qkv", "lora_unet_blocks_0_out", "lora_te1_text_model_encoder_layers_0_mlp_fc1"
MODEL = SimpleNamespace(
    diffusers={
        QKV: {f"transformer.h.0.to_{name}": slice(4 * i, 4 * i + 4) for i, name in enumerate("qkv")},
        OUT: {"transformer.h.0.to_out.0": slice(None)},
    },
    comfyui={QKV: "diffusion_model.blocks.0.qkv", OUT: "diffusion_model.blocks.0.out", TEXT: "text_encoders.clip_l.x"},
    own={
        "lora_unet_blocks_0_qkv": QKV,
        "diffusion_model.blocks.0.qkv": QKV,
        "diffusion_model.blocks.0.out": OUT,
        "lora_unet_blocks_0_out": OUT,
        "transformer.h.0.to_out.0": OUT,
    },
    numbered=False,
)


def file(path: Path, layers: dict[str, dict], peft: bool = False) -> Path:
    names = {"lora_up.weight": "lora_B.weight", "lora_down.weight": "lora_A.weight"} if peft else {}
    save_file(
        {f"{layer}.{names.get(piece, piece)}": v for layer, ps in layers.items() for piece, v in ps.items()}, path
    )
    return path


def kohya(path: Path) -> Path:
    return file(path, {QKV: lora(1), OUT: lora(3), TEXT.replace("te1", "te"): lora(5)})


def diffusers(path: Path) -> Path:
    parts = {f"transformer.h.0.to_{name}": lora(7 + 2 * i, alpha=None, size=(4, 10)) for i, name in enumerate("qkv")}
    text = {"text_encoder.text_model.encoder.layers.0.mlp.fc1": lora(19, alpha=None)}
    return file(path, parts | {"transformer.h.0.to_out.0": lora(15, alpha=None)} | text, peft=True)


def sources(tmp_path: Path) -> tuple[Source, Source]:
    return (
        Source(path=kohya(tmp_path / "kohya.safetensors"), weight=0.5),
        Source(path=diffusers(tmp_path / "peft.safetensors"), weight=2.0),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_files_of_different_names_are_added_up(tmp_path: Path, order: int):
    made = build.make(Wanted(sources=sources(tmp_path)[::order]), model=MODEL)
    result: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in made.tensors.items():
        layer, _, piece = key.partition(".")
        result.setdefault(layer, {})[piece] = value
    parts = torch.cat([dense(lora(seed, alpha=None, size=(4, 10))) for seed in (7, 9, 11)])
    assert result.keys() == {QKV, OUT, TEXT.replace("te1", "te")}  # as kohya's files of SD1 have it
    for name, want in (
        (QKV, 0.5 * dense(lora(1)) + 2 * parts),
        (OUT, 0.5 * dense(lora(3)) + 2 * dense(lora(15, alpha=None))),
        (TEXT.replace("te1", "te"), 0.5 * dense(lora(5)) + 2 * dense(lora(19, alpha=None))),
    ):
        torch.testing.assert_close(dense(result[name]), want, rtol=0, atol=1e-4)
    assert made.error < 1e-6 and made.of_model
    assert any("name the layers differently" in line for line in told.summary("x", made, 1))


def test_without_the_model_they_are_refused_even_if_text_encoders_fit(tmp_path: Path):
    """Both names of a layer would stand in one file, of which ComfyUI's loader takes one."""
    with pytest.raises(AthanorError, match="connect that model to LoRA Edit"):
        build.make(Wanted(sources=sources(tmp_path)))


def test_equal_names_stay_as_they_are(tmp_path: Path):
    one = diffusers(tmp_path / "a.safetensors")
    made = build.make(Wanted(sources=(Source(path=one), Source(path=one))), model=MODEL)
    assert "transformer.h.0.to_q.lora_A.weight" in made.tensors and not made.of_model


def test_what_cannot_be_put_together_is_told(tmp_path: Path):
    first = Source(path=kohya(tmp_path / "kohya.safetensors"))
    whole = {"lora_up.weight": numbers(12, 3, seed=1), "lora_down.weight": numbers(3, 10, seed=2)}
    for number, (layers, words) in enumerate(
        (
            ({"transformer.h.0.to_q": lokr(1)}, "only parts of a plain LoRA can be joined"),
            ({"transformer.h.0.to_q": lora(1)}, "has 12 rows, the model 4"),
            ({"transformer.other": lora(1), "transformer.h.0.to_out.0": lora(1)}, "transformer.other is no layer"),
            (
                {"diffusion_model.blocks.0.out": whole, "transformer.h.0.to_out.0": lora(1)},
                "are one layer of this model",
            ),
        )
    ):
        path = file(tmp_path / f"{number}.safetensors", layers)
        with pytest.raises(AthanorError, match=words):
            build.make(Wanted(sources=(first, Source(path=path))), model=MODEL)
