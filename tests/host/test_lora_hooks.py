"""What ComfyUI's hooks cannot do is said in a sentence. That they do the rest is in test_axis_kinds.py."""

from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.errors import AthanorError

pytestmark = pytest.mark.usefixtures("comfy")

CONVERTED = {"lora_unet__blocks_0_cross_attn_k.lora_down.weight": torch.ones(1)}  # Wan Fun's names


def models(*, dynamic=False, loader=None, keeps=False):
    patcher = SimpleNamespace(is_dynamic=lambda: dynamic, cached_patcher_init=loader)
    diffusion = SimpleNamespace(**({"clear_kv_cache": None} if keeps else {}))
    model = SimpleNamespace(model=SimpleNamespace(diffusion_model=diffusion), **vars(patcher))
    return model, SimpleNamespace(patcher=patcher)


@pytest.mark.parametrize(
    ("facts", "tensors", "fits", "words"),
    [
        ({}, {}, 0, "x.safetensors does not match this model"),
        ({"keeps": True}, {}, 1, r"with this kind of model \(HiDream-O1\)"),
        ({}, CONVERTED, 1, "LoRA steps cannot read x.safetensors, whose names"),
        ({"dynamic": True}, {}, 1, "LoRA steps needs a model that ComfyUI's own nodes have loaded"),
    ],
)
def test_what_hooks_cannot_do_is_said(monkeypatch, tmp_path, facts, tensors, fits, words):
    from athanor.training_core.host import lora_hooks

    monkeypatch.setattr(lora_hooks.lora, "fit", lambda *_: SimpleNamespace(fits=fits))
    monkeypatch.setattr(lora_hooks.lora, "read", lambda _: (tensors, None))
    with pytest.raises(AthanorError, match=words):
        lora_hooks.check(*models(**facts), tmp_path / "x.safetensors")
    monkeypatch.setattr(lora_hooks.lora, "fit", lambda *_: SimpleNamespace(fits=1))
    monkeypatch.setattr(lora_hooks.lora, "read", lambda _: ({}, None))
    lora_hooks.check(*models(dynamic=True, loader=(print, ())), tmp_path / "x.safetensors")


def test_text_encoders_that_give_more_than_the_text_are_not_scheduled(monkeypatch):
    from athanor.training_core.host import lora_hooks

    given = {"pooled_output": None}
    monkeypatch.setattr(lora_hooks.sampling, "encode_prompt", lambda *_: [[None, given]])
    unet, text = ({f"{name}.lora_up.weight": None} for name in ("lora_unet_blocks_0_x", "lora_te1_layers_0_x"))
    assert not lora_hooks.changes_text(None, unet, "a") and lora_hooks.changes_text(None, unet | text, "a")
    given["attention_mask"] = torch.ones(1)
    assert not lora_hooks.changes_text(None, unet, "a")
    with pytest.raises(AthanorError, match=r"cannot switch the part of a that is for this kind of text encoder"):
        lora_hooks.changes_text(None, text, "a")
