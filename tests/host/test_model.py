"""The host's models as training sees them, in this process."""

from __future__ import annotations

import hashlib

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture(scope="module", params=["sd15", "sd3"])
def graph(request, checkpoints):
    """(family, MODEL, CLIP, VAE), loaded in inference mode as the executor does it."""
    import comfy.sd

    with torch.inference_mode():
        model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(checkpoints[request.param]))
    return request.param, model, clip, vae


def weights(model) -> str:
    hasher = hashlib.sha256()
    for key, value in sorted(model.model.state_dict().items()):
        hasher.update(key.encode() + value.detach().float().numpy().tobytes())
    return hasher.hexdigest()


def noised(host_model, latents, prediction, seed=0):
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
    return objective, objective.prepare(latents, seed, 0, 0)


def make_batch(host_model, clip, captions, channels, size=8):
    from athanor.training_core.host import text
    from athanor.training_core.host.model import Geometry

    generator = torch.Generator().manual_seed(3)
    latents = torch.cat([torch.randn(1, channels, size, size, generator=generator) for _ in captions])
    geometry = [Geometry((64, 64), (0, 0), (64, 64)) for _ in captions]
    return host_model.batch(latents, [text.encode(clip, c)[0] for c in captions], geometry, [1.0] * len(captions))


@pytest.mark.parametrize("patch", [None, "v_prediction"])
def test_raw_prediction_agrees_with_the_hosts_denoised(graph, patch):
    """(x - denoised) / sigma for eps and flow, its counterpart for v."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable

    family, model, clip, _ = graph
    if patch and family == "sd3":
        patched = model  # SD3 has no other parameterization
    elif patch:
        from comfy_extras.nodes_model_advanced import ModelSamplingDiscrete

        patched = ModelSamplingDiscrete().patch(model, patch, False)[0]
    else:
        patched = model
    channels = 4 if family == "sd15" else 16
    with guard.training(), trainable(patched, "auto", "off") as host_model, torch.no_grad():
        kind = host_model.schedule.prediction
        assert kind == ("flow" if family == "sd3" else "v" if patch else "eps")
        batch = make_batch(host_model, clip, ["a red circle", "a cat"], channels)
        _, x = noised(host_model, batch.latents, kind)
        raw = host_model.predict(x, batch)
        base = patched.model
        sampling = base.model_sampling
        stand_in = sampling.__dict__.pop("calculate_denoised")
        try:
            conds = batch.groups()[0][1]
            denoised = base.apply_model(x.x, x.sigma, transformer_options={}, **conds)
        finally:
            sampling.calculate_denoised = stand_in
    sigma = x.sigma.view(-1, 1, 1, 1)
    want = (
        (x.x / (1 + sigma**2) - denoised) * (1 + sigma**2).sqrt() / sigma if kind == "v" else (x.x - denoised) / sigma
    )
    # x - denoised loses digits where sigma is small: compare relative to the size of what is subtracted.
    tolerance = 2e-5 * (1 + (x.x.abs().amax() / sigma))
    assert ((raw - want).abs() <= tolerance).all()


def test_every_picture_keeps_its_own_caption(graph):
    """A batch of mixed captions and lengths equals the single pictures (the host's trainer mixes them)."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.batch import DeviceBatch
    from athanor.training_core.host.model import trainable
    from athanor.training_core.objective import Noised

    family, model, clip, _ = graph
    long = ", ".join(["very"] * 100)
    captions = ["a red circle", long, "a cat", ""]
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        batch = make_batch(host_model, clip, captions, 4 if family == "sd15" else 16)
        _, x = noised(host_model, batch.latents, None)
        together = host_model.predict(x, batch)
        singles = []
        for i, caption in enumerate(captions):
            one = make_batch(host_model, clip, [caption], batch.latents.shape[1])
            one = DeviceBatch(latents=batch.latents[i : i + 1], weights=one.weights, mask=None, groups=one.groups)
            part = Noised(*(v[i : i + 1] for v in (x.x, x.sigma, x.t, x.target)))
            singles.append(host_model.predict(part, one))
        swapped = make_batch(host_model, clip, captions[::-1], batch.latents.shape[1])
        other = host_model.predict(
            x, DeviceBatch(latents=batch.latents, weights=batch.weights, mask=None, groups=swapped.groups)
        )
    assert torch.allclose(together, torch.cat(singles), atol=2e-4)
    assert (together - other).abs().max() > 1e-2  # captions do matter


@pytest.mark.parametrize("checkpointing", ["off", "all"])
def test_training_leaves_model_clip_and_vae_as_they_were(graph, checkpointing):
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network.build import Part, attached
    from athanor.training_core.settings import NetworkSettings

    family, model, clip, _ = graph
    before, clip_before = weights(model), weights(clip.patcher)
    modules = {name: set(m.__dict__) for name, m in model.model.named_modules()}
    with (
        guard.training(),
        trainable(model, "auto", checkpointing) as host_model,
        attached([Part(host_model.diffusion_model)], NetworkSettings(rank=2), 0, host_model.device) as network,
    ):
        batch = make_batch(host_model, clip, ["a", "b"], 4 if family == "sd15" else 16)
        objective, x = noised(host_model, batch.latents, None)
        loss = objective.losses(host_model.predict(x, batch), x).mean()
        loss.backward()
        gradients = [p.grad.clone() for p in network.parameters()]
    assert any(g.abs().max() > 0 for g in gradients)
    assert weights(model) == before and weights(clip.patcher) == clip_before
    after = {name: set(m.__dict__) for name, m in model.model.named_modules()}
    assert {n: after[n] - modules[n] for n in after if after[n] - modules[n]} == {}
    assert all(p.grad is None for p in model.model.parameters())
    import comfy.model_management as mm

    assert mm.in_training is False


def test_checkpointing_gives_the_same_gradients(graph):
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network.build import Part, attached
    from athanor.training_core.settings import NetworkSettings

    family, model, clip, _ = graph
    results = []
    for checkpointing in ("off", "all"):
        with (
            guard.training(),
            trainable(model, "auto", checkpointing) as host_model,
            attached([Part(host_model.diffusion_model)], NetworkSettings(rank=2), 0, host_model.device) as network,
        ):
            batch = make_batch(host_model, clip, ["a", "b"], 4 if family == "sd15" else 16)
            objective, x = noised(host_model, batch.latents, None)
            loss = objective.losses(host_model.predict(x, batch), x).mean()
            loss.backward()
            results.append((loss.item(), [p.grad.clone() for p in network.parameters()]))
    (a, one), (b, two) = results
    assert a == pytest.approx(b, rel=1e-5)
    assert all(torch.allclose(x, y, rtol=1e-4, atol=1e-6) for x, y in zip(one, two, strict=True))


def test_fingerprint_sees_weights_patches_and_clip_skip(graph):
    import comfy.sd
    from athanor.training_core.host.fingerprint import fingerprint

    family, model, clip, vae = graph
    with torch.inference_mode():
        one = fingerprint(model, clip, vae)
        assert fingerprint(model, clip, vae) == one
        skipped = clip.clone()
        skipped.clip_layer(-2)
        assert fingerprint(model, skipped, vae) != one
        key = next(
            k for k in model.model.state_dict() if k.endswith("weight") and model.model.state_dict()[k].ndim == 2
        )
        weight = model.model.state_dict()[key]
        patched = model.clone()
        patched.add_patches({key: (torch.ones_like(weight),)}, 1.0)
        assert fingerprint(patched, clip, vae) != one
    assert comfy.sd is not None and family


def test_caption_brackets_are_literal():
    from athanor.training_core.host.text import escape

    assert escape(r"a (b) \(c\)") == r"a \(b\) \(c\)"


def test_brackets_of_a_tokenizer_that_knows_no_emphasis():
    """Lens' tokenizer reads a backslash as a sign like others, so its captions must have none before brackets."""
    from types import SimpleNamespace

    from athanor.training_core.host.text import tokenize
    from comfy.text_encoders.gpt_oss import LensTokenizer
    from tokenizers import Tokenizer, models, pre_tokenizers

    signs = Tokenizer(models.WordLevel({sign: n for n, sign in enumerate("?abc()\\")}, unk_token="?"))
    signs.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    data = torch.frombuffer(bytearray(signs.to_str().encode()), dtype=torch.uint8)
    clip = SimpleNamespace(tokenize=LensTokenizer(tokenizer_data={"tokenizer_json": data}).tokenize_with_weights)
    found = {caption: tokenize(clip, caption)[0] for caption in ("a (b)", r"a \(b\)")}
    assert found["a (b)"] == found[r"a \(b\)"] == clip.tokenize("a (b)") != clip.tokenize(r"a \(b\)")


def test_brackets_within_quotation_marks_reach_byt5_as_brackets():
    """HunyuanImage's Qwen reads no emphasis, its ByT5 does: of the words in quotation marks alone."""
    from types import SimpleNamespace

    from athanor.training_core.host.text import tokenize
    from comfy.text_encoders.hunyuan_image import ByT5SmallTokenizer, HunyuanImageTokenizer

    tokenizer = HunyuanImageTokenizer.__new__(HunyuanImageTokenizer)  # without its Qwen, which takes a second to load
    qwen = SimpleNamespace(tokenize_with_weights=lambda text, *_, **__: [[(7, 1.0)]])
    tokenizer.__dict__ |= {
        "clip_name": "q",
        "clip": "q",
        "q": qwen,
        "llama_template": "{}",
        "byt5": ByT5SmallTokenizer(),
    }
    clip = SimpleNamespace(tokenize=tokenizer.tokenize_with_weights)
    found = tokenize(clip, 'a sign, "stop (now)"')[0]
    assert found == clip.tokenize(r'a sign, "stop \(now\)"')
    text = bytes(
        token - 3 for token, weight in found["byt5"][0] if weight == 1.0 and token >= 3
    )  # ByT5: bytes, from 3 on
    assert text == b'Text "stop (now)". '


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_number_formats(graph, precision):
    """Finite losses and float32 gradients in every format; the model's own format is back afterwards."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.host.precision import COMPUTE
    from athanor.training_core.network.build import Part, attached
    from athanor.training_core.settings import NetworkSettings

    family, model, clip, _ = graph
    before, own = weights(model), model.model.get_dtype_inference()
    with (
        guard.training(),
        trainable(model, precision, "off") as host_model,
        attached([Part(host_model.diffusion_model)], NetworkSettings(rank=2), 0, host_model.device) as network,
    ):
        assert host_model.compute_dtype == COMPUTE[precision]
        batch = make_batch(host_model, clip, ["a", "b"], 4 if family == "sd15" else 16)
        objective, x = noised(host_model, batch.latents, None)
        loss = objective.losses(host_model.predict(x, batch), x).mean()
        (loss * 64).backward()
        assert loss.isfinite() and loss.dtype is torch.float32
        assert all(p.grad.isfinite().all() and p.grad.dtype is torch.float32 for p in network.parameters())
    assert weights(model) == before and model.model.get_dtype_inference() == own
