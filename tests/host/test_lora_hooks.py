"""What ComfyUI's hooks cannot do is said in a sentence. That they do the rest is in test_axis_kinds.py."""

from types import SimpleNamespace

import cards
import loras
import pytest
import torch
from athanor.training_core.errors import AthanorError
from card_models import unload
from safetensors.torch import load_file, save_file

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


@pytest.fixture(params=[torch.float32])
def streamed(request, comfy, checkpoints, tmp_path, monkeypatch):
    """(cache of a comparison's models, model, text encoder, what was read from the file again), with dynamic VRAM.

    A file in the number format that the CPU computes in, or in another one.
    """
    import comfy.sd
    import comfy_extras.nodes_hooks as hooks
    import folder_paths
    from athanor.training_core.compare.model_cache import ModelCache
    from athanor.training_core.host.comfy_nodes import host_nodes

    for name, node in hooks.NODE_CLASS_MAPPINGS.items():
        monkeypatch.setitem(host_nodes.NODE_CLASS_MAPPINGS, name, node)

    path, state = tmp_path / "sd3.safetensors", load_file(checkpoints["sd3"])
    save_file({key: value.to(request.param) for key, value in state.items()}, path)
    for name, text in (("plain", False), ("te", True)):
        loras.write(tmp_path / f"{name}.safetensors", checkpoints["sd3"], "sd3", 3, text_encoder=text)
    extensions = folder_paths.folder_names_and_paths["loras"][1]
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], extensions))
    read = []
    with cards.dynamic(), torch.inference_mode():
        connected = comfy.sd.load_checkpoint_guess_config(str(path))[:3]
        for part in (connected[0], connected[1].patcher):
            again, arguments, *place = part.cached_patcher_init

            def counted(*given, again=again, part=part, **options):
                read.append(type(part.model).__name__)
                return again(*given, **options)

            part.cached_patcher_init = (counted, arguments, *place)
        cache = ModelCache(connected=connected, variants=SimpleNamespace(forget=lambda: None))
        yield cache, *connected[:2], read
        cache.forget()
        unload()


def cell(name, steps, text=0.0):
    from athanor.training_core.compare.cells import Lora

    return SimpleNamespace(loras=(Lora(name, 1.0, text),), lora_steps=steps, hooks=True, widgets=(), model="")


def drawn(model, clip):
    from athanor.training_core.host import sampling

    positive, negative = (sampling.run_node("CLIPTextEncode", clip=clip, text=text) for text in ("a fox", ""))
    latent = sampling.empty_latent(32, 32)
    ports = {"positive": positive, "negative": negative, "latent_image": latent, "denoise": 1.0}
    values = {"seed": 3, "steps": 2, "cfg": 2.0, "sampler_name": "euler", "scheduler": "normal"}
    return sampling.run_node("KSampler", model=model, **ports, **values)["samples"]


def test_models_are_read_once_for_all_cells(streamed):
    """ComfyUI reads the text encoder's file anew for each LoRA, and the model's for each MODEL that a node has changed."""
    from athanor.training_core.compare import lora_steps
    from athanor.training_core.host import sampling

    cache, model, clip, read = streamed
    cells = [cell("plain.safetensors", steps) for steps in ((0.0, 0.5), (0.5, 1.0))]
    pictures = [drawn(*cache._with_hooks(each, model, clip)) for each in cells]
    assert len(read) == 2 and not torch.equal(*pictures)
    stock = lora_steps.hooked(cells[1], clip, lambda kind, i, w: sampling.run_node(kind, **i, **w), text=False)
    assert torch.equal(drawn(model, stock), pictures[1]) and len(read) == 4
    cache.forget()
    assert cache._hookable is None


@pytest.mark.parametrize("streamed", [torch.float16], indirect=True)
def test_a_file_in_another_number_format(streamed):
    """The copy that ComfyUI reads has the file's, and its layers do not cast: no picture was drawn of it."""
    cache, model, clip, _ = streamed
    assert drawn(*cache._with_hooks(cell("plain.safetensors", (0.0, 1.0)), model, clip)).isfinite().all()


def test_a_text_encoder_that_hooks_would_leave_out_is_told(streamed):
    """With dynamic VRAM the host puts LoRAs on one model of the text encoder, and encodes with another."""
    cache, model, clip, _ = streamed
    words = r"Set CLIP Hooks encodes prompts without any LoRA: set the LoRAs' strength on the text encoder to 0"
    with pytest.raises(AthanorError, match=words):
        cache._with_hooks(cell("te.safetensors", (0.0, 0.5), text=1.0), model, clip)
    cache._with_hooks(cell("te.safetensors", (0.0, 0.5)), model, clip)
    patched = clip.clone()
    key = next(key for key in patched.patcher.model.state_dict() if key.endswith("q_proj.weight"))
    patched.add_patches({key: (torch.ones_like(patched.patcher.model.state_dict()[key]),)})
    with pytest.raises(AthanorError, match=words):
        cache._with_hooks(cell("te.safetensors", (0.0, 0.5)), model, patched)
