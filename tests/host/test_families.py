"""Every family that is said to be supported: detected, trained, and its file read and used by the stock host."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


@dataclass(frozen=True)
class Case:
    """What is expected of a family, and what its text encoder gives."""

    title: str
    prediction: str
    channels: int
    width: int  # of the text encoding
    key: str  # a module in the file of a preset "attn-mlp" network
    auto: tuple[str, float] = ("uniform", 1.0)  # timestep_sampling, shift
    guidance: bool = False
    extras: dict[str, Callable[[int], Any]] = field(default_factory=dict)  # by number of tokens
    frames: bool = False  # the host's latents are (B, C, 1, h, w)
    grouped: int = 2  # forwards for two captions of different length
    tokens: tuple[int, int] = (12, 20)
    size: int = 8  # of the latents
    rotary: bool = False  # it has rotary embeddings


def draw(*shape: int) -> Callable[[int], torch.Tensor]:
    """Random values; 0 in `shape` stands for the number of tokens."""
    return lambda tokens: torch.randn(1, *(n or tokens for n in shape))


def ones(tokens: int) -> torch.Tensor:
    return torch.ones(1, tokens, dtype=torch.int64)


def half(tokens: int) -> torch.Tensor:
    """A mask that hides the second half."""
    return (torch.arange(tokens) < tokens // 2).long()[None]


def none(_tokens: int) -> None:
    return None


UNET = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
CASES = {
    "sd15": Case("SD1.5", "eps", 4, 768, UNET, tokens=(77, 154), grouped=1, size=16),
    "sd2": Case("SD2", "eps", 4, 1024, UNET, tokens=(77, 154), grouped=1, size=16),
    "sd2_v": Case("SD2", "v", 4, 1024, UNET, tokens=(77, 154), grouped=1, size=16),
    "sdxl": Case(
        "SDXL",
        "eps",
        4,
        2048,
        "lora_unet_middle_block_1_transformer_blocks_9_attn2_to_k",
        extras={"pooled_output": draw(1280)},
        tokens=(77, 154),
        grouped=1,
    ),
    "sd3": Case(
        "SD3", "flow", 16, 4096, "lora_unet_joint_blocks_0_x_block_attn_qkv", extras={"pooled_output": draw(2048)}
    ),
    "flux_dev": Case(
        "Flux.1 dev",
        "flow",
        16,
        4096,
        "lora_unet_double_blocks_1_img_attn_qkv",
        auto=("shift", 3.1582),
        guidance=True,
        extras={"pooled_output": draw(768)},
        rotary=True,
    ),
    "flux_schnell": Case(
        "Flux.1 schnell",
        "flow",
        16,
        4096,
        "lora_unet_single_blocks_1_linear1",
        extras={"pooled_output": draw(768)},
        rotary=True,
    ),
    "flux2": Case(
        "Flux.2",
        "flow",
        128,
        256,
        "lora_unet_single_blocks_1_linear2",
        auto=("shift", 7.5383),
        guidance=True,
        extras={"pooled_output": none},
        grouped=1,  # the host pads to 512 tokens
        rotary=True,
    ),
    "chroma": Case(
        "Chroma",
        "flow",
        16,
        4096,
        "lora_unet_double_blocks_0_txt_mlp_2",
        auto=("sigmoid", 1.0),
        extras={"pooled_output": none},
        rotary=True,
    ),
    "lumina2": Case(
        "Lumina 2",
        "flow",
        16,
        2304,
        "lora_unet_layers_1_attention_qkv",
        auto=("shift", 6.0),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
    "z_image": Case(
        "Z-Image",
        "flow",
        16,
        2560,
        "lora_unet_layers_1_feed_forward_w2",
        auto=("shift", 2.0),
        extras={"pooled_output": none, "attention_mask": ones},
        tokens=(12, 40),
        rotary=True,
    ),
    "qwen_image": Case(
        "Qwen-Image",
        "flow",
        16,
        3584,
        "lora_unet_transformer_blocks_1_attn_add_k_proj",
        auto=("shift", 2.2),
        extras={"pooled_output": none, "attention_mask": half},
        frames=True,
        rotary=True,
    ),
    "auraflow": Case("AuraFlow", "flow", 4, 2048, "lora_unet_double_layers_0_attn_w1q"),
    "wan": Case(
        "Wan 2.1", "flow", 16, 4096, "lora_unet_blocks_1_cross_attn_k", auto=("shift", 3.0), frames=True, rotary=True
    ),
    "hidream": Case(
        "HiDream-I1",
        "flow",
        16,
        4096,
        "lora_unet_double_stream_blocks_0_block_attn1_to_q",
        extras={"pooled_output": draw(2048), "conditioning_llama3": draw(2, 0, 4096)},
        rotary=True,
    ),
}


def load(name: str) -> Any:
    """The family's MODEL through the host's own loader, in inference mode as the executor does it."""
    import comfy.sd
    import tiny
    import tiny_layouts

    with torch.inference_mode():
        if name == "sd3":
            return comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
        return tiny_layouts.load(name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Matrices as small as these gain nothing from threads that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=CASES)
def family(request) -> tuple[Case, Any]:
    """(what is expected, MODEL)."""
    return CASES[request.param], load(request.param)


def samples(case: Case) -> tuple[torch.Tensor, list[Any], list[Any]]:
    """Latents as the VAE gives them, encodings of different length, sizes."""
    from athanor.training_core.host.model import Geometry
    from athanor.training_core.host.text import Text

    torch.manual_seed(0)
    latents = torch.randn(2, case.channels, *[1] * case.frames, case.size, case.size)
    texts = [Text(torch.randn(1, n, case.width), {k: make(n) for k, make in case.extras.items()}) for n in case.tokens]
    return latents, texts, [Geometry((800, 600), (3, 0), (64, 64)), Geometry((64, 64), (0, 0), (64, 64))]


def settings(case: Case) -> Any:
    from athanor.training_core.settings import NetworkSettings

    convolutions = (
        {"preset": "full", "conv_rank": 2} if case.key == UNET or case.title == "SDXL" else {"preset": "attn-mlp"}
    )
    return NetworkSettings(rank=2, alpha=2.0, **convolutions)


def objective_of(host_model: Any) -> Any:
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    return Objective(LossSettings(), NoiseSettings(), host_model.schedule)


def positive(text: Any, guidance: float = 1.0) -> list[Any]:
    """A CONDITIONING as the host's text node and its FluxGuidance give it."""
    return [[text.cond, dict(text.extras) | {"guidance": guidance}]]


def gradient(p: torch.nn.Parameter) -> torch.Tensor:
    """A copy; zero where nothing depends on the parameter (Qwen-Image's last block drops its text)."""
    return torch.zeros_like(p) if p.grad is None else p.grad.clone()


def test_detected(family):
    """Name, prediction and the trainers' conventions; the host's own class of model."""
    from athanor.training_core.host import detection

    case, model = family
    found = detection.detect(model)
    assert found.title == case.title
    assert (found.timestep_sampling, found.shift) == case.auto
    assert found.guidance is case.guidance
    assert detection.schedule(model.get_model_object("model_sampling")).prediction == case.prediction


@pytest.mark.parametrize("level", [0.3, 0.9])
def test_raw_prediction_is_what_the_sampler_works_with(family, level):
    """The stock sampler, stopped at its first call, sees the noisy latent that training makes, and what it calls
    denoised is made of training's raw output. So timestep, sign, guidance and conditioning agree."""
    import comfy.sample
    import comfy.samplers
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable

    case, model = family
    latents, texts, geometry = samples(case)
    seen = {}

    def stop(model_k, x, sigmas, extra_args, callback, disable, **_options):
        seen["x"], seen["sigma"] = x.clone(), sigmas[0]
        seen["denoised"] = model_k(x, sigmas[:1].expand(len(x)), **extra_args)
        return x

    sigma = torch.tensor([level * (1 if case.prediction == "flow" else 10), 0.0])
    noise = torch.randn(latents[:1].shape)
    sizes = {"width": 800, "height": 600, "crop_w": 3, "crop_h": 0, "target_width": 64, "target_height": 64}
    cond = positive(texts[0])
    cond[0][1].update(sizes)
    if not case.guidance:
        del cond[0][1]["guidance"]  # what the host does on its own, Chroma's 0 for one
    with torch.inference_mode():
        sampler = comfy.samplers.KSAMPLER(stop)
        comfy.sample.sample_custom(
            model, noise, 1.0, sampler, sigma, cond, cond, latents[:1].clone(), disable_pbar=True
        )
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        assert batch.latents.ndim == 4  # outside of the model, latents have no time axis
        s, noise = sigma[:1], noise.view(batch.latents.shape)
        x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
        noisy = (1 - s) * batch.latents + s * noise if case.prediction == "flow" else batch.latents + s * noise
        raw = host_model.predict(type(x)(noisy, s, x.t[:1], noisy), batch)
    assert torch.allclose(seen["x"].view_as(noisy), noisy, atol=1e-5)
    if case.prediction == "v":
        want = (noisy / (1 + s**2) - seen["denoised"]) * (1 + s**2).sqrt() / s
    else:
        want = (noisy - seen["denoised"].view_as(noisy)) / s
    assert raw.abs().mean() > 0.01
    assert (raw - want).abs().max() <= 1e-3 * raw.abs().max() + 1e-5 * noisy.abs().max() / s.item()


def test_captions_of_different_length_do_not_disturb_each_other(family):
    """A batch of two equals the two alone, be they joined or run one after the other."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.objective import Noised

    case, model = family
    latents, texts, geometry = samples(case)
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        batch = host_model.batch(latents, texts, geometry, [1.0, 1.0])
        assert len(batch.groups()) == case.grouped
        x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
        together = host_model.predict(x, batch)
        for i in range(2):
            one = host_model.batch(latents[i : i + 1], texts[i : i + 1], geometry[i : i + 1], [1.0])
            alone = host_model.predict(Noised(*(v[i : i + 1] for v in (x.x, x.sigma, x.t, x.target))), one)
            assert torch.allclose(together[i : i + 1], alone, atol=2e-4 * alone.abs().max().item())
        equal = host_model.batch(latents, [texts[0], texts[0]], [geometry[0]] * 2, [1.0, 1.0])
        assert len(equal.groups()) == 1
        assert (host_model.predict(x, equal)[1] - together[1]).abs().max() > 1e-3  # captions do matter


def test_checkpointing_gives_the_same_gradients(family):
    from athanor.training_core import families
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build

    case, model = family
    latents, texts, geometry = samples(case)
    modules = {name: set(m.__dict__) for name, m in model.model.named_modules()}
    results, runs = [], []
    for checkpointing in ("off", "all"):
        with (
            guard.training(),
            trainable(model, "auto", checkpointing) as host_model,
            build.attached([build.Part(host_model.diffusion_model)], settings(case), 0, host_model.device) as network,
        ):
            count = [0]
            blocks = [m for m in host_model.diffusion_model.modules() if families.is_one_of(m, families.RECOMPUTED)]
            inner = next(m for block in blocks for m in block.modules() if isinstance(m, torch.nn.Linear))
            hook = inner.register_forward_hook(lambda *_: count.__setitem__(0, count[0] + 1))  # noqa: B023
            for lora in network.loras:  # LoRA's up weights start at zero, and their gradients would tell little
                torch.nn.init.normal_(lora.lora_up.weight, std=0.05, generator=torch.Generator().manual_seed(1))
            batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
            x = objective_of(host_model).prepare(batch.latents, 0, 0, 0)
            host_model.predict(x, batch).square().mean().backward()
            hook.remove()
            runs.append(count[0])
            results.append([gradient(p) for p in network.parameters()])
    assert runs[1] == 2 * runs[0]  # the blocks are computed again
    assert any(g.abs().max() > 0 for g in results[0])
    for one, two in zip(*results, strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5 * max(1.0, one.abs().max().item()))
    after = {name: set(m.__dict__) for name, m in model.model.named_modules()}
    assert {n: after[n] - modules[n] for n in after if after[n] - modules[n]} == {}


def test_rotations_by_the_hosts_kernel_change_nothing(family, monkeypatch):
    """Fewer operations, the same loss and gradients as by the host's chain; families without them are left alone."""
    from contextlib import nullcontext

    from athanor.training_core.host import rotary
    from one_step import step, training
    from test_budget import Counted

    case, model = family
    steps, counts = [], []
    for way in (rotary.differentiable, nullcontext):
        monkeypatch.setattr(rotary, "differentiable", way)
        with training(model, settings(case)) as (host_model, network):
            with Counted() as counted:
                steps.append(step(host_model, network, *samples(case)))
            counts.append(counted.calls.total())
    ours, plain = steps
    assert ours.loss == plain.loss and ours.kept == plain.kept
    if case.rotary:
        assert ours.differs_from(plain) < 1e-5 and counts[0] < counts[1]
    else:
        assert ours.differs_from(plain) == 0 and counts[0] == counts[1]


def test_gradients_are_those_of_finite_differences(family):
    """Blocks that work in place must not deceive autograd: the slope along the gradient is its length."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build

    case, model = family
    latents, texts, geometry = samples(case)
    with (
        guard.training(),
        trainable(model, "auto", "off") as host_model,
        build.attached([build.Part(host_model.diffusion_model)], settings(case), 0, host_model.device) as network,
    ):
        batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
        objective = objective_of(host_model)
        x = objective.prepare(batch.latents, 0, 0, 0)
        parameters = list(network.parameters())
        objective.losses(host_model.predict(x, batch), x).mean().backward()
        slopes = [gradient(p) for p in parameters]
        length = torch.cat([slope.flatten() for slope in slopes]).norm().item()
        losses = []
        with torch.no_grad():
            for step in (0.002, -0.004):  # forth, then back past the start
                for p, slope in zip(parameters, slopes, strict=True):
                    p += step * slope / length
                losses.append(objective.losses(host_model.predict(x, batch), x).mean().item())
    assert (losses[0] - losses[1]) / 0.004 == pytest.approx(length, rel=0.02)


def test_bfloat16(family):
    """Finite losses close to those of float32, and float32 gradients, with checkpointing as people use it."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build

    case, model = family
    latents, texts, geometry = samples(case)
    losses = []
    for precision in ("no", "bf16"):
        with (
            guard.training(),
            trainable(model, precision, "all") as host_model,
            build.attached([build.Part(host_model.diffusion_model)], settings(case), 0, host_model.device) as network,
        ):
            batch = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0])
            objective = objective_of(host_model)
            x = objective.prepare(batch.latents, 0, 0, 0)
            loss = objective.losses(host_model.predict(x, batch), x).mean()
            loss.backward()
            losses.append(loss.item())
            gradients = [p.grad for p in network.parameters() if p.grad is not None]
            assert gradients and all(g.dtype is torch.float32 and g.isfinite().all() for g in gradients)
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_trained_file_works_in_the_stock_host(family, caplog):
    """Training lowers the loss; the stock loader reads the file and gives the trained output, and the stock sampler
    another picture."""
    import comfy.sample
    import comfy.sd
    from athanor.training_core.host import detection, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build, files

    case, model = family
    latents, texts, geometry = samples(case)
    with (
        guard.training(),
        trainable(model, "auto", "off") as host_model,
        build.attached([build.Part(host_model.diffusion_model)], settings(case), 0, host_model.device) as network,
    ):
        objective = objective_of(host_model)
        optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
        losses = []
        batch = host_model.batch(latents, texts, geometry, [1.0, 1.0])
        x = objective.prepare(batch.latents, 0, 0, 0)  # always the same noise
        for _ in range(20):
            loss = objective.losses(host_model.predict(x, batch), x).mean()
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert losses[-1] < 0.98 * losses[0]
        tensors = files.tensors_for_file(
            network.state_dict(), "float", detection.file_names(model, detection.detect(model))
        )
        with torch.no_grad():
            trained = host_model.predict(x, batch)
    assert any(k.startswith(case.key + ".") for k in tensors)
    with caplog.at_level(logging.WARNING), torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, dict(tensors), 1.0, 0.0)
        pictures = [
            comfy.sample.sample(
                m, torch.randn(latents[:1].shape, generator=torch.Generator().manual_seed(2)), 2, 1.0, "euler", "simple",
                positive(texts[0]), positive(texts[0]), torch.zeros_like(latents[:1]), disable_pbar=True, seed=0,
            )
            for m in (model, loaded)
        ]  # fmt: skip
    assert "not loaded" not in caplog.text
    assert len(loaded.patches) == len(network.loras)
    assert all(p.isfinite().all() for p in pictures)
    assert (pictures[0] - pictures[1]).abs().max() > 1e-3
    with guard.training(), trainable(loaded, "auto", "off") as host_model, torch.no_grad():
        again = host_model.predict(x, host_model.batch(latents, texts, geometry, [1.0, 1.0]))
    assert torch.allclose(trained, again, atol=1e-3 * trained.abs().max().item())


def test_presets_reach_the_blocks(family):
    """attn-mlp trains every linear layer of the transformer blocks, attn-only fewer; both by names the file can have."""
    from athanor.training_core import families
    from athanor.training_core.host import detection
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    _case, model = family
    layers = detection.detect(model).layers
    module = model.model.diffusion_model
    inside = {
        id(layer)
        for block in module.modules()
        if families.is_one_of(block, frozenset(layers.targets or layers.blocks))
        for layer in block.modules()
        if isinstance(layer, torch.nn.Linear)
    }
    found = {}
    for preset in ("attn-mlp", "attn-only", "full", "full-lin", "unet-transformer-only"):
        network = build.create([build.Part(module)], NetworkSettings(rank=2, preset=preset), 0)
        found[preset] = {id(lora.org_module[0]) for lora in network.loras}
        assert len({lora.lora_name for lora in network.loras}) == len(network.loras)
    assert inside and inside <= found["attn-mlp"] <= found["full"]
    assert 0 < len(found["attn-only"]) < len(inside)
    assert found["attn-only"] <= inside
    for classes in (layers.blocks, layers.attentions, layers.convolutions, layers.resampling):
        present = {families.class_path(type(m)) for m in module.modules()}
        assert set(classes) <= present  # a name that the host has changed would go unnoticed


def bare(config: str, **unet_config: Any) -> Any:
    """A MODEL of the host's own class without a network."""
    import comfy.model_patcher
    import comfy.supported_models

    settings = {"disable_unet_model_creation": True} | unet_config
    model = getattr(comfy.supported_models, config)(settings).get_model({})
    return comfy.model_patcher.ModelPatcher(model, torch.device("cpu"), torch.device("cpu"))


REFUSED = {  # config class of the host -> what its unet_config says
    "LTXV": {},
    "HunyuanVideo": {},
    "HunyuanVideo15": {},
    "GenmoMochi": {},
    "CosmosT2V": {},
    "CogVideoX_T2V": {},
    "SVD_img2vid": {},
    "ACEStep": {},
    "ACEStep15": {},
    "Kandinsky5": {},
    "WAN21_T2V": {"model_type": "t2v", "in_dim": 36, "out_dim": 16},  # Wan 2.2 image-to-video
    "WAN21_I2V": {"model_type": "i2v", "in_dim": 36, "out_dim": 16},
    "WAN21_FunControl2V": {"model_type": "i2v", "in_dim": 48, "out_dim": 16},
    "WAN21_Vace": {"model_type": "vace"},
    "WAN22_T2V": {"model_type": "t2v", "in_dim": 48, "out_dim": 48},
}


@pytest.mark.parametrize("config", REFUSED)
def test_video_and_audio_models_are_refused_by_name(config):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    with pytest.raises(AthanorError, match=rf"^MODEL is of type {config}: video and audio models are out of scope"):
        detection.detect(bare(config, **REFUSED[config]))


FLUX = {"in_channels": 16, "out_channels": 16, "guidance_embed": True}
OTHERS = {
    "Stable_Cascade_C": {},
    "PixArtSigma": {},
    "HunyuanDiT": {},
    "Kandinsky5Image": {},
    "Omnigen2": {},
    "LongCatImage": {},
    "HunyuanImage21": {},
    "SDXLRefiner": {},
    "SDXL_instructpix2pix": {},
    "FluxInpaint": FLUX | {"in_channels": 96},
    "Flux": FLUX | {"in_channels": 32},  # Flux depth and canny
    "FluxSchnell": FLUX | {"guidance_embed": False, "yak_mlp": True, "txt_norm": True},  # Ovis-Image
    "Lumina2": {"clip_text_dim": 1024},  # NewBie
    "ZImage": {"siglip_feat_dim": 1152, "z_image_modulation": True},  # Z-Image Omni
    "QwenImage": {"in_channels": 64, "default_ref_method": "index_timestep_zero"},  # Qwen-Image-Edit 2511
    "Anima": {},
}


@pytest.mark.parametrize("config", OTHERS)
def test_other_models_are_refused_by_name(config):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    with pytest.raises(AthanorError, match=rf"^MODEL is of type {config}\b.*cannot be trained yet: use SD1\.5, SD2"):
        detection.detect(bare(config, **OTHERS[config]))


def test_inpainting_models_are_refused_by_name():
    import comfy.sd
    import tiny
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    state = tiny.sd15_unet()
    state["input_blocks.0.0.weight"] = torch.randn(320, 9, 3, 3)  # SD1.5 inpainting
    model = comfy.sd.load_diffusion_model_state_dict(state)
    with pytest.raises(AthanorError, match=r"inpainting, which cannot be trained yet: use SD1\.5, SD2, SDXL, SD3"):
        detection.detect(model)


def test_sampling_that_cannot_be_trained_is_refused():
    """Predictions that are no velocity, and a flow whose noise the host scales."""
    import comfy.model_base
    import comfy.model_sampling
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection

    config = bare("Lumina2").model.model_config
    for kind in (comfy.model_base.ModelType.IMG_TO_IMG_FLOW, comfy.model_base.ModelType.FLOW_COSMOS):
        with pytest.raises(AthanorError, match="cannot be trained"):
            detection.schedule(comfy.model_base.model_sampling(config, kind))
    scaled = comfy.model_base.model_sampling(config, comfy.model_base.ModelType.FLOW)
    assert detection.schedule(scaled).prediction == "flow"
    scaled.set_noise_scale(8.0)
    with pytest.raises(AthanorError, match="cannot be trained"):
        detection.schedule(scaled)
