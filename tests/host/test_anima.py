"""Anima: its text adapter, and a whole graph on a real ComfyUI with stock loaders, Train LoRA, stock Load LoRA, a comparison."""

from __future__ import annotations

from pathlib import Path

import comparing
import family_cases
import forked_host
import graphs
import one_step
import pytest
import small_models
import tiny
import tiny_layouts
import torch
from comparing import axis
from host import link
from safetensors.torch import save_file

pytestmark = pytest.mark.usefixtures("comfy")
ADAPTER = 'unet_target_name = ["llm_adapter\\\\..*"]\nenable_conv = false'


def write_models(base):
    """The three files of Anima, small and with random weights, where ComfyUI's own loaders look for them."""
    import comfy.ops
    import comfy.text_encoders.llama as llama
    from comfy.ldm.wan.vae import WanVAE

    layout = tiny_layouts.LAYOUTS["anima"]
    with layout.small_parts():
        model = layout.build("cpu", **layout.small)
    encoder = llama.Qwen3_06B(small_models.QWEN3, torch.float32, "cpu", comfy.ops.disable_weight_init)
    vae = WanVAE(dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=[False, True, True])
    files = {"diffusion_models/anima": model, "text_encoders/qwen3_06b": encoder, "vae/qwen_image_vae": vae}
    for seed, (name, module) in enumerate(files.items()):
        path = base / "models" / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tiny._fill(module, seed), path)


@pytest.fixture(scope="module")
def anima(comfyui, tmp_path_factory):
    """A ComfyUI of its own with the model's files."""
    base = tmp_path_factory.mktemp("anima")
    graphs.draw_dataset(base / "input" / "ds" / "20_thing")
    write_models(base)
    host = forked_host.new(comfyui, base)
    link(Path(small_models.__file__).parent, base / "custom_nodes" / "small_models")
    with host:
        graphs.learn_defaults(host.get("/object_info"))
        yield host
    assert not host.trouble()


LOADERS = {
    "model": graphs.node("UNETLoader", unet_name="anima.safetensors", weight_dtype="default"),
    "clip": graphs.node("CLIPLoader", clip_name="qwen3_06b.safetensors", type="stable_diffusion"),
    "vae": graphs.node("VAELoader", vae_name="qwen_image_vae.safetensors"),
}
PORTS = {name: [name, 0] for name in LOADERS}


def of_anima(prompt):
    """A graph with Anima's three loaders instead of Load Checkpoint."""
    prompt = {key: value for key, value in prompt.items() if key != "ckpt"} | LOADERS
    for node in prompt.values():
        for name, value in node["inputs"].items():
            if isinstance(value, list) and value[0] == "ckpt":
                node["inputs"][name] = [("model", "clip", "vae")[value[1]], 0]
    return prompt


@pytest.mark.long
def test_trained_loaded_and_compared(anima):
    """Every picture is what the stock Load LoRA gives, and the text adapter is left alone."""
    prompt = graphs.training("ckpt", train={"output_name": "anima", "epochs": 1}, optimizer={"learning_rate": 3e-3})
    compared = graphs.compare("ckpt", ["train", 0], prompts="red circle\na blue cross (left)", seeds="1")
    compared["compare"]["inputs"]["x"] = ["x", 0]
    entry = anima.run(of_anima(prompt | compared | {"x": axis("LoRA strength", "0, 1")}))
    path = graphs.lora_file(anima, "anima")
    told = graphs.metadata(path)
    assert told["ss_base_model_version"] == "anima" and told["modelspec.architecture"] == "anima-preview/lora"
    assert told["ss_timestep_sampling"] == "sigmoid"
    names = {key.partition(".")[0] for key in graphs.keys(path)}
    assert "lora_unet_blocks_0_self_attn_q_proj" in names
    assert not any("llm_adapter" in name or "modulation" in name for name in names)
    cells = comparing.cells_of(anima, entry)
    assert len(cells) == 4 and len({cell["pixels"].tobytes() for cell in cells}) == 4
    comparing.assert_plain(anima, cells)


def test_the_text_adapter_can_be_trained(caplog):
    """By a LyCORIS preset that names it; the stock sampler, which runs it before the first step, gives what training gave."""
    import comfy.sample
    import comfy.samplers
    import comfy.sd
    from athanor.training_core.host import detection
    from athanor.training_core.network import files
    from athanor.training_core.objective import Noised
    from athanor.training_core.settings import NetworkSettings

    case, model = family_cases.CASES["anima"], family_cases.load("anima")
    latents, texts, geometry = family_cases.samples(case)
    network = NetworkSettings(rank=2, preset_toml=ADAPTER)
    with one_step.training(model, network) as (host_model, made):
        step = one_step.step(host_model, made, latents, texts, geometry)
        tensors = files.tensors_for_file(
            made.state_dict(), "float", detection.file_names(model, detection.detect(model))
        )
        noise, sigma = torch.randn(1, 16, 8, 8), torch.tensor([0.7])
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        noisy = 0.3 * batch.latents + 0.7 * noise
        with torch.no_grad():
            trained = noisy - 0.7 * host_model.predict(Noised(noisy, sigma, sigma, noisy), batch)
    assert "lora_unet_llm_adapter_blocks_0_cross_attn_q_proj.lora_up.weight" in tensors
    assert all("llm_adapter" in name for name in tensors) and all(g.abs().max() > 0 for g in step.gradients.values())
    denoised = []
    with torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, dict(tensors), 1.0, 0.0)
        for one in (model, loaded):
            sampler = comfy.samplers.KSAMPLER(
                lambda model_k, x, sigmas, extra_args, *_a, **_k: model_k(x, sigmas[:1].expand(len(x)), **extra_args)
            )
            cond = family_cases.positive(texts[0])
            denoised.append(
                comfy.sample.sample_custom(
                    one, noise.unsqueeze(2), 1.0, sampler, torch.tensor([0.7, 0.0]), cond, cond, latents[:1].clone(),
                    disable_pbar=True,
                )
            )  # fmt: skip
    found = [model.model.process_latent_in(x)[:, :, 0] for x in denoised]
    assert "not loaded" not in caplog.text
    assert torch.allclose(found[1], trained, atol=1e-4) and not torch.allclose(found[0], trained, atol=1e-2)
