"""E21: pictures are encoded in float32 whatever the host's VAE works in, and the graph's VAE is not touched by it.

A card's two ways of holding a VAE, on a CPU: the plain patcher, whose weights were rounded to bfloat16 when the file was
read, and the dynamic one (the default on NVIDIA), whose weights stay as the file has them and are cast layer by layer.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")

SHAPE = {
    "double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 32,
    "ch_mult": [1, 2, 4, 4], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0,
}  # fmt: skip


class Buffer:
    """In the place of the host's pinned memory, which needs CUDA; as little to be copied as that."""

    size = 0

    def __init__(self, *args):
        pass

    def truncate(self, *args, **kwargs):
        pass

    def __deepcopy__(self, memo):
        raise AssertionError("memory of the host's loader was copied")


@contextmanager
def dynamic():
    """The host's own dynamic patcher, which it would not use on a CPU, and its way to read files."""
    import comfy.memory_management
    import comfy.model_patcher
    import comfy_aimdo.host_buffer

    class Dynamic(comfy.model_patcher.ModelPatcherDynamic):
        def __new__(cls, *args, **kwargs):
            return object.__new__(cls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comfy.model_patcher, "CoreModelPatcher", Dynamic)
        patch.setattr(comfy.memory_management, "aimdo_enabled", True)
        patch.setattr(comfy_aimdo.host_buffer, "HostBuffer", Buffer)
        yield patch


def klvae(state, dtype=None):
    import comfy.sd

    with torch.inference_mode():
        return comfy.sd.VAE(sd=state, dtype=dtype, config={"params": {"ddconfig": SHAPE, "embed_dim": 4}})


@pytest.fixture(scope="module")
def state(comfy):
    """A small VAE in Stable Diffusion's layout, with a posterior."""
    import tiny
    from comfy.ldm.models.autoencoder import AutoencoderKL

    return tiny._fill(AutoencoderKL(ddconfig=SHAPE, embed_dim=4), 1)


@pytest.fixture
def pixels():
    return torch.rand(3, 64, 96, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def latents():
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))


def seen(vae):
    """All that a VAE object is: its own values, its patcher's, its layers' and every number."""
    import comfy.model_management as mm

    model = vae.first_stage_model
    with torch.inference_mode():
        numbers = {name: (value.dtype, value.device, value.clone()) for name, value in model.state_dict().items()}
    layers = {name: {k: id(v) for k, v in vars(module).items()} for name, module in model.named_modules()}
    kept = {"backup", "backup_buffers", "patches", "pinned"}
    return (
        {k: id(v) for k, v in vars(vae).items()},
        {k: copy.copy(v) if k in kept else id(v) for k, v in vars(vae.patcher).items()},
        layers,
        numbers,
        [m.model is vae.patcher for m in mm.current_loaded_models].count(True),
    )


def same(a, b):
    assert a[0] == b[0] and a[1] == b[1] and a[2] == b[2] and a[4] == b[4] and a[3].keys() == b[3].keys()
    for name, (dtype, device, value) in a[3].items():
        assert (dtype, device) == b[3][name][:2] and torch.equal(value, b[3][name][2]), name


def encoded(vae, pixels):
    from athanor.training_core.host import vae as host_vae
    from athanor.training_core.host.vae_float32 import in_float32

    with in_float32(vae) as exact:
        return host_vae.encode(exact, pixels)


def close(found, wanted):
    for ours, theirs in zip(found, wanted, strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            assert ours.dtype == torch.float32 and not ours.is_inference()
            assert (ours - theirs).abs().max() < 1e-5 * max(1.0, theirs.abs().max())


def test_a_vae_in_bfloat16_encodes_in_float32_and_is_unchanged(state, pixels, latents):
    """The plain patcher: bfloat16's weights, float32's arithmetic; not loaded, and loaded."""
    from athanor.training_core.host import vae as host_vae
    from athanor.training_core.host.vae_float32 import encoding_dtype

    rounded = {name: value.to(torch.bfloat16).float() for name, value in state.items()}
    wanted = host_vae.encode(klvae(rounded), pixels)
    short = klvae(state, torch.bfloat16)
    assert short.vae_dtype == torch.bfloat16 and encoding_dtype(short) == torch.float32
    before = seen(short)
    close(encoded(short, pixels), wanted)
    same(seen(short), before)
    with torch.inference_mode():
        picture = short.decode(latents).clone()
        coarse = short.encode(pixels)
    assert (coarse - wanted[0]).abs().max() > 1e-3  # what the host's own format rounds away
    before = seen(short)
    close(encoded(short, pixels), wanted)
    same(seen(short), before)
    with torch.inference_mode():
        assert torch.equal(short.decode(latents), picture)


@pytest.mark.parametrize("file", [torch.float16, torch.float32])
def test_a_dynamic_vae_encodes_with_the_files_weights(state, pixels, latents, file):
    from athanor.training_core.host import fingerprint
    from athanor.training_core.host import vae as host_vae

    in_file = {name: value.to(file) for name, value in state.items()}
    wanted = host_vae.encode(klvae({name: value.float() for name, value in in_file.items()}), pixels)
    with dynamic() as patch:
        vae = klvae(in_file, torch.bfloat16)
        patch.undo()
        patch.setattr("comfy_aimdo.host_buffer.HostBuffer", Buffer)
        assert vae.is_dynamic() and vae.first_stage_model.encoder.conv_in.weight.dtype == file
        plain = fingerprint.autoencoder(vae)
        before = seen(vae)
        close(encoded(vae, pixels), wanted)
        same(seen(vae), before)
        with torch.inference_mode():
            picture = vae.decode(latents).clone()  # loads it: small weights are moved, the others marked
        assert vae.patcher.backup and vae.first_stage_model.encoder.conv_in.comfy_cast_weights
        for layer in vae.first_stage_model.modules():
            if hasattr(layer, "_pin_state"):
                layer._v = layer._v_weight = layer._prefetch = Buffer()  # as on a card
        before = seen(vae)
        close(encoded(vae, pixels), wanted)
        same(seen(vae), before)
        assert fingerprint.autoencoder(vae) == plain  # its key does not depend on whether it is loaded
        for layer in vae.first_stage_model.modules():
            for name in ("_v", "_v_weight", "_prefetch"):
                vars(layer).pop(name, None)
        with torch.inference_mode():
            assert torch.equal(vae.decode(latents), picture)


def test_vaes_of_other_kinds(pixels):
    """Without a posterior (TAESD), and one that takes pictures for the frames of a film (Wan, Qwen Image)."""
    import comfy.sd
    import tiny
    from athanor.training_core.host import vae as host_vae
    from comfy.ldm.wan.vae import WanVAE

    shape = {
        "dim": 8, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_scales": [],
        "temperal_downsample": [False, True, True], "image_channels": 3, "conv_out_channels": 3, "dropout": 0.0,
    }  # fmt: skip
    for made in (tiny._vae(4, 2), tiny._fill(WanVAE(**shape), 3)):
        rounded = {name: value.to(torch.bfloat16).float() for name, value in made.items()}
        with torch.inference_mode():
            short, exact = comfy.sd.VAE(sd=dict(made), dtype=torch.bfloat16), comfy.sd.VAE(sd=rounded)
            short.encode(pixels[:1])
        before = seen(short)
        close(encoded(short, pixels), host_vae.encode(exact, pixels))
        same(seen(short), before)


def test_out_of_memory_is_met_as_ever(state, pixels, monkeypatch):
    """Halves, then the host's tiles: on the copy as well. Whatever is raised, the copy is gone afterwards."""
    import comfy.model_management as mm
    from athanor.training_core.host import vae as host_vae
    from athanor.training_core.host.vae_float32 import in_float32

    short = klvae(state, torch.bfloat16)
    before = seen(short)
    sizes = []
    with in_float32(short) as exact:
        whole, own = host_vae.encode(exact, pixels), exact.first_stage_model.encoder.forward

        def small(x):
            sizes.append(len(x))
            if len(x) > 1:
                raise torch.OutOfMemoryError("too much")
            return own(x)

        exact.first_stage_model.encoder.forward = small
        close(host_vae.encode(exact, pixels), whole)
        assert max(sizes) == 3 and sizes.count(1) == 3
        twin = exact.patcher
        assert any(m.model is twin for m in mm.current_loaded_models)
        assert twin.model_size() == 4 * sum(v.numel() for v in state.values())  # what the host makes room for
    with pytest.raises(KeyboardInterrupt), in_float32(short) as exact:
        host_vae.encode(exact, pixels)
        raise KeyboardInterrupt
    same(seen(short), before)
    assert not any(m.model is twin or m.model is exact.patcher for m in mm.current_loaded_models)


def test_what_works_in_float32_already_is_taken_as_it_is(state):
    """On a CPU nothing changes, old caches included; on a card latents of another format have another key."""
    from athanor.training_core.host import fingerprint
    from athanor.training_core.host.vae_float32 import encoding_dtype, in_float32

    exact, short = klvae(state), klvae(state, torch.bfloat16)
    with in_float32(exact) as used:
        assert used is exact
    assert fingerprint.autoencoder(exact, encoding_dtype(exact)) == fingerprint.autoencoder(exact)
    assert fingerprint.autoencoder(short, encoding_dtype(short)) != fingerprint.autoencoder(short)
    other = SimpleNamespace(vae_dtype=torch.float16)  # of another node, which the host's class does not know
    assert encoding_dtype(other) == torch.float16
    short.working_dtypes = [torch.bfloat16]
    with in_float32(short) as used:
        assert used is short
