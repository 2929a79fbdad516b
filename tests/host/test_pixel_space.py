"""Models that work on pixels: the host's VAE `pixel_space`, what is stored of it, sizes, and pictures that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from athanor.training_core.data import eight_bit
from athanor.training_core.errors import AthanorError
from family_cases import CASES, load, positive, samples

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")


@pytest.fixture(scope="module")
def vae(comfy):
    from athanor.training_core.host import sampling

    return sampling.load_vae("pixel_space")


def test_pictures_are_stored_as_they_are(vae):
    from athanor.training_core.host import usable
    from athanor.training_core.host.vae import encode
    from athanor.training_core.host.vae_float32 import in_float32

    picture = np.random.default_rng(0).integers(0, 256, (2, 24, 40, 3), dtype=np.uint8)
    with in_float32(vae) as exact:
        mean, std = encode(exact, torch.from_numpy(picture.astype(np.float32) / 255.0))
    assert std is None and mean.shape == (2, 3, 24, 40)
    stored = eight_bit.packed({"mean": mean})["bytes"]
    assert np.array_equal(stored.movedim(1, -1).numpy(), picture)
    for name in ("chroma_radiance", "z_image_pixels", "hidream_o1", "pixeldit"):
        usable.check_vae(load(name), vae)


def test_a_sample_has_the_size_that_was_asked_for(vae):
    """From the same empty latent as any model's, of 4 channels and an eighth of the size."""
    from athanor.training_core.host import sampling

    case = CASES["chroma_radiance"]
    cond = positive(samples(case)[1][0])
    with torch.inference_mode():
        latent = sampling.empty_latent(96, 64)
        picture = sampling.sample(
            load("chroma_radiance"),
            vae,
            cond,
            cond,
            latent,
            seed=0,
            steps=1,
            cfg=1.0,
            sampler="euler",
            scheduler="simple",
        )
    assert picture.shape == (1, 64, 96, 3) and picture.std() > 0.01


@pytest.mark.parametrize(("name", "multiple"), [("hidream_o1", 32), ("chroma_radiance", 16), ("pixeldit", 8)])
def test_sides_that_a_model_cannot_have_are_refused(name, multiple):
    from athanor.training_core.host import usable

    model = load(name)
    usable.check_sides(model, [(1024, 1024), (multiple * 5, multiple * 7)], "Set it.")
    if multiple > 8:
        with pytest.raises(AthanorError, match=rf"sides are multiples of {multiple}.*1000x1024.* Set it\.$"):
            usable.check_sides(model, [(1024, 1024), (1000, 1024)], "Set it.")


def test_sizes_by_which_comfyui_would_divide_by_zero_are_refused():
    from athanor.training_core.host import usable

    model = load("pixart_alpha")
    usable.check_sides(model, [(320, 200)], "")
    with pytest.raises(AthanorError, match=r"^PixArt alpha takes .* above 256 in the mean, and not 320x192\."):
        usable.check_sides(model, [(320, 192)], "")


def test_a_fine_tuned_pixeldit_has_the_released_files_layers():
    """The host divides a layer as it loads such a file, and does not put it together again."""
    from athanor.training_core.host import checkpoint, detection
    from tiny import _fill
    from tiny_layouts import LAYOUTS

    layout, model = LAYOUTS["pixeldit"], load("pixeldit")
    state = checkpoint.tensors(model.model, None, None, detection.detect(model), torch.float32)
    released = layout.named(_fill(layout.build("cpu", **layout.small), 11))
    assert state.keys() == released.keys() and all(torch.equal(state[key], released[key]) for key in released)
    assert not checkpoint.check(model.model, state).missing
    assert checkpoint.check(model.model, {k: v for k, v in state.items() if k != "core.y_pos_embedding"}).missing


def test_flux_shift_counts_patches_and_not_pixels():
    """1024x1024 has 4096 patches in pixel space, too: a factor of e^1.15, and not of e^44."""
    from athanor.training_core.objective import Objective
    from athanor.training_core.run.prepare import model_to_train
    from athanor.training_core.settings import LossSettings, NoiseSettings

    noise = NoiseSettings(timestep_sampling="flux_shift")
    drawn = []
    for name, shape in (("chroma_radiance", (4, 3, 1024, 1024)), ("chroma", (4, 16, 128, 128))):
        objective = Objective(LossSettings(), noise, model_to_train(load(name), noise, unknown=False)[2])
        drawn.append(objective.draw(shape, 5).sigma)
    assert torch.equal(*drawn)


def test_load_checkpoint_gives_hidream_o1_its_vae_and_its_text_encoder(vae, monkeypatch):
    """What a fine-tune saves as well: such a file alone would have no text encoder."""
    import comfy.model_detection
    import comfy.sd
    from athanor.training_core.host import checkpoint, detection, text, usable
    from tiny_layouts import LAYOUTS

    model = load("hidream_o1")
    state = checkpoint.tensors(model.model, None, vae, detection.detect(model), torch.float32)
    detect = comfy.model_detection.model_config_from_unet

    def small(*args, **options):
        config = detect(*args, **options)
        config.unet_config.update(LAYOUTS["hidream_o1"].small)
        return config

    monkeypatch.setattr(comfy.model_detection, "model_config_from_unet", small)
    given = usable.usable_models(*comfy.sd.load_state_dict_guess_config(state)[:3])
    usable.check(*given)
    encoded, _ = text.encode(given[1], "a fox (red)")
    usable.check_text(given[0], encoded.cond, encoded.extras)
    assert encoded.extras["text_input_ids"].shape == encoded.cond.shape[:2]
    again = text.Text.of(*encoded.parts())  # through the cache
    assert torch.equal(again.extras["text_input_ids"], encoded.extras["text_input_ids"])
    with pytest.raises(AthanorError, match="gives no text_input_ids"):
        usable.check_text(given[0], torch.zeros(1, 4, 4096), {})


def test_a_latent_has_its_size_in_pixels(vae):
    """That of Empty Latent Image, an eighth of the size, is enlarged by the sampler; one of VAE Encode is as it is."""
    from athanor.training_core.host import sampling

    assert sampling.size_of(sampling.empty_latent(96, 64), vae) == (96, 64)
    assert sampling.size_of({"samples": torch.ones(1, 3, 64, 96)}, vae) == (96, 64)
