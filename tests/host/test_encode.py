"""The graph's VAE and CLIP as the caches use them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture(scope="module")
def vae(comfy):
    """A VAE in Stable Diffusion's own layout, random weights."""
    import comfy.sd
    import tiny
    from comfy.ldm.models.autoencoder import AutoencoderKL

    config = {
        "double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
        "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0,
    }  # fmt: skip
    with torch.inference_mode():
        return comfy.sd.VAE(sd=tiny._fill(AutoencoderKL(ddconfig=config, embed_dim=4), 1))


@pytest.fixture
def pixels():
    return torch.rand(4, 16, 24, 3, generator=torch.Generator().manual_seed(1))


def moments(vae, pixels):
    model = vae.first_stage_model
    with torch.no_grad():
        z = model.quant_conv(model.encoder(pixels.movedim(-1, 1) * 2 - 1))
    return z.chunk(2, 1)


def test_mean_and_std_of_the_posterior(vae, pixels):
    from athanor.training_core.host import vae as host_vae

    with torch.inference_mode():
        vae.encode(pixels[:1])  # loads it
    before = dict(vae.first_stage_model.__dict__), vae.latent_channels
    mean, std = host_vae.encode(vae, pixels)
    with torch.inference_mode():
        assert torch.allclose(mean, vae.encode(pixels), atol=1e-5)
    want, logvar = moments(vae, pixels)
    assert mean.shape == std.shape == (4, 4, 2, 3)
    assert torch.allclose(mean, want, atol=1e-4) and torch.allclose(std, (logvar / 2).exp(), atol=1e-4)
    assert not mean.is_inference() and not std.is_inference()
    assert (dict(vae.first_stage_model.__dict__), vae.latent_channels) == before


def test_out_of_memory_halves_the_batch_and_then_tiles(vae, pixels, monkeypatch):
    from athanor.training_core.host import vae as host_vae

    whole, whole_std = host_vae.encode(vae, pixels)
    own, sizes = vae.first_stage_model.encoder.forward, []

    def small(x):
        sizes.append(tuple(x.shape))
        if len(x) > 1:
            raise torch.OutOfMemoryError("too much")
        return own(x)

    def once(x):
        sizes.append(tuple(x.shape))
        if len(sizes) == 1:
            raise torch.OutOfMemoryError("too much")
        return own(x)

    monkeypatch.setattr(vae.first_stage_model.encoder, "forward", small)
    mean, std = host_vae.encode(vae, pixels)
    assert [s[0] for s in sizes] == [4, 2, 1, 1, 2, 1, 1]
    assert torch.allclose(mean, whole, atol=1e-4) and torch.allclose(std, whole_std, atol=1e-4)
    large = torch.rand(1, 16, 640, 3, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(vae.first_stage_model.encoder, "forward", once)
    sizes.clear()
    mean, std = host_vae.encode(vae, large)  # the host's tiles
    assert mean.shape == std.shape == (1, 4, 2, 80) and (std > 0).all() and mean.isfinite().all()
    assert len(sizes) > 2


def test_a_vae_without_posterior(checkpoints):
    import comfy.sd
    from athanor.training_core.host import vae as host_vae

    with torch.inference_mode():
        _, _, taesd, _ = comfy.sd.load_checkpoint_guess_config(str(checkpoints["sd3"]))
    mean, std = host_vae.encode(taesd, torch.rand(2, 64, 64, 3))
    assert std is None and mean.shape == (2, 16, 8, 8)


def test_the_vaes_fingerprint_sees_a_single_weight(vae):
    from athanor.training_core.host import fingerprint

    one = fingerprint.autoencoder(vae)
    assert fingerprint.autoencoder(vae) == one
    weight = vae.first_stage_model.encoder.conv_in.weight
    with torch.inference_mode():
        value = weight[3, 1, 0, 0].item()
        weight[3, 1, 0, 0] = value + 1
        assert fingerprint.autoencoder(vae) != one
        weight[3, 1, 0, 0] = value
    assert fingerprint.autoencoder(vae) == one


@pytest.fixture(scope="module")
def clip(checkpoints):
    import comfy.sd

    with torch.inference_mode():
        return comfy.sd.load_checkpoint_guess_config(str(checkpoints["sd15"]))[1]


def test_long_captions_are_cut_at_whole_chunks(clip):
    from athanor.training_core.host import text

    caption = ", ".join(["red fox"] * 60)  # 179 tokens
    shapes = {limit: text.encode(clip, caption, False, limit) for limit in (75, 150, 225, 0)}
    assert {limit: (t.cond.shape[1], cut) for limit, (t, cut) in shapes.items()} == {
        75: (77, True), 150: (154, True), 225: (231, False), 0: (231, False)
    }  # fmt: skip
    start = text.encode(clip, ", ".join(["red fox"] * 25), False, 75)
    assert start[1] is False and torch.equal(start[0].cond[:, :70], shapes[75][0].cond[:, :70])


def test_weighted_captions(clip):
    from athanor.training_core.host import text

    plain, weighted = text.encode(clip, "a (fox:1.3)")[0], text.encode(clip, "a (fox:1.3)", weighted=True)[0]
    with torch.inference_mode():
        host = clip.encode_from_tokens_scheduled(clip.tokenize("a (fox:1.3)"))[0][0]
        literal = clip.encode_from_tokens_scheduled(clip.tokenize(r"a \(fox:1.3\)"))[0][0]
    assert torch.equal(weighted.cond, host) and torch.equal(plain.cond, literal)
    assert not torch.equal(plain.cond, weighted.cond)


def test_encodings_survive_the_disk(clip, tmp_path):
    """Bit for bit, pooled output and odd extras included."""
    from athanor.training_core.data.store import DiskStore
    from athanor.training_core.host.text import Text, encode

    one, _ = encode(clip, "a fox")
    one = Text(one.cond, {**one.extras, "none": None, "number": 3, "stack": [torch.ones(2), torch.zeros(3)]})
    tensors, plain = one.parts()
    store = DiskStore(tmp_path, 10**8)
    store.put("k" * 64, tensors, extras=plain)
    tensors, meta = store.get("k" * 64)
    two = Text.of(tensors, meta["extras"])
    assert torch.equal(one.cond, two.cond) and one.extras.keys() == two.extras.keys()
    assert torch.equal(one.extras["pooled_output"], two.extras["pooled_output"])
    assert two.extras["none"] is None and two.extras["number"] == 3
    assert [v.tolist() for v in two.extras["stack"]] == [[1, 1], [0, 0, 0]]


@pytest.fixture(scope="module")
def three(comfy):
    """SD3's CLIP with all its three encoders, each with one small layer."""
    import comfy.sd
    import tiny
    from comfy.text_encoders import sd3_clip

    target = SimpleNamespace(
        params={"clip_l": True, "clip_g": True, "t5": True},
        clip=sd3_clip.SD3ClipModel,
        tokenizer=sd3_clip.SD3Tokenizer,
    )
    small = {"num_hidden_layers": 3, "intermediate_size": 64}
    options = {
        "clip_l_model_config": small,
        "clip_g_model_config": small,
        "t5xxl_model_config": {"num_layers": 1, "num_heads": 1, "d_ff": 64},
        "dtype": torch.float32,
    }
    with torch.inference_mode():
        clip = comfy.sd.CLIP(target, model_options=options)
        for i, name in enumerate(("clip_l", "clip_g", "t5xxl")):
            encoder = getattr(clip.cond_stage_model, name).transformer
            encoder.load_state_dict(tiny._fill(encoder, i))
    return clip


def test_single_text_encoders_can_be_left_out(three, clip):
    """Zeros in the place of one encoder's part, the others bit for bit as they were."""
    from athanor.training_core.host import text

    assert text.encoders(three) == ["clip_l", "clip_g", "t5xxl"] and text.encoders(clip) == []
    whole = text.encode(three, "a fox")[0]
    assert whole.cond.shape[0] == 1 and whole.cond.shape[2] == 4096
    places = {  # of cond (1, 77 CLIP + T5 tokens, 4096), and of the pooled output
        "clip_l": ((slice(0, 77), slice(0, 768)), slice(0, 768)),
        "clip_g": ((slice(0, 77), slice(768, 2048)), slice(768, 2048)),
        "t5xxl": ((slice(77, None), slice(None)), None),
    }
    for name, ((tokens, channels), pooled) in places.items():
        part = text.encode(three, "a fox", without=(name,))[0]
        assert part.cond.shape == whole.cond.shape
        want, pool = whole.cond.clone(), whole.extras["pooled_output"].clone()
        assert want[0, tokens, channels].abs().max() > 0
        want[0, tokens, channels] = 0
        if pooled:
            pool[:, pooled] = 0
        assert torch.equal(part.cond, want) and torch.equal(part.extras["pooled_output"], pool)
    nothing = text.encode(three, "a fox", without=tuple(places))[0]
    assert nothing.cond.abs().max() == 0 and nothing.extras["pooled_output"].abs().max() == 0
    assert torch.equal(text.encode(three, "a fox")[0].cond, whole.cond)


def test_quantised_weights_are_told_apart():
    """Two fp8 tensors of one shape are two: what they are made of counts, not their shape alone."""
    import hashlib

    from athanor.training_core.host import fingerprint
    from comfy.quant_ops import QuantizedTensor

    def digest(seed):
        weight = torch.randn(16, 16, generator=torch.Generator().manual_seed(seed))
        hasher = hashlib.sha256()
        fingerprint._digest(hasher, QuantizedTensor.from_float(weight, "TensorCoreFP8Layout"))
        return hasher.hexdigest()

    assert digest(0) == digest(0) != digest(1)


def test_a_models_fingerprint_is_its_own(checkpoints):
    """A clone with another shift that was loaded last must not be seen in it: a run would not be known again."""
    import comfy.model_management as mm
    import comfy.sd
    from athanor.training_core.host import fingerprint
    from comfy_extras import nodes_model_advanced

    with torch.inference_mode():
        model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(checkpoints["sd3"]))
        before = fingerprint.fingerprint(model, clip, vae)
        shifted = nodes_model_advanced.ModelSamplingSD3().patch(model, 7.0)[0]
        assert fingerprint.fingerprint(shifted, clip, vae) != before
        mm.load_models_gpu([shifted])
        assert fingerprint.fingerprint(model, clip, vae) == before
        mm.unload_all_models()
        assert fingerprint.fingerprint(model, clip, vae) == before


def test_weights_that_no_checkpoint_holds_do_not_count(checkpoints):
    """CLIP's text_projection stands for whatever was in memory when SDXL or SD3 was loaded: a run would not be known again."""
    import comfy.sd
    from athanor.training_core.host import fingerprint

    with torch.inference_mode():
        model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(checkpoints["sd3"]))
        before = fingerprint.fingerprint(model, clip, vae), fingerprint.text_encoder(clip)
        transformer = clip.cond_stage_model.clip_l.transformer
        transformer.text_projection.weight.fill_(3.0)
        assert (fingerprint.fingerprint(model, clip, vae), fingerprint.text_encoder(clip)) == before
        next(iter(transformer.text_model.parameters())).add_(1.0)
        assert fingerprint.text_encoder(clip) != before[1]


def test_only_brackets_are_asked_about():
    """A tokenizer is asked how it reads brackets, which costs a millisecond, for captions that have some."""
    from athanor.training_core.host.text import literal

    asked = []

    class Clip:
        """Reads emphasis."""

        def tokenize(self, text):
            asked.append(text)
            return {"l": [[(1, 1.1)]]}

    assert literal(Clip(), "a fox, smiling") == "a fox, smiling" and not asked
    assert literal(Clip(), "a (red) fox") == r"a \(red\) fox" and len(asked) == 1
