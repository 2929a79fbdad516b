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
