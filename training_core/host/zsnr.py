"""Zero terminal SNR: the model's own sampling object with the last timestep as pure noise."""

from __future__ import annotations

from typing import Any


def zero_terminal(model: Any) -> Any:
    """Return a clone of an eps or v MODEL whose timesteps end in pure noise, as Model Sampling Discrete makes it."""
    sampling = model.get_model_object("model_sampling")
    patched = model.clone()
    patched.add_object_patch("model_sampling", type(sampling)(model.model.model_config, zsnr=True))
    return patched
