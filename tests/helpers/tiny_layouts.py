"""Diffusion models in their real layouts with small random weights, loaded by the host's own loader.

The host tells families apart by key names and widths, and takes what it cannot see (heads, rotary axes) from a table. So
detection is shown the real widths, as tensors without memory, and only then the widths shrink. Every module in layouts/
has some: a new one is found by itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from layout import Case, Layout, State
from tiny import _fill

LAYOUTS: dict[str, Layout] = {}
CASES: dict[str, Case] = {}
for _file in sorted((Path(__file__).parent / "layouts").glob("*.py")):
    _module = importlib.import_module(f"layouts.{_file.stem}")
    assert not CASES.keys() & _module.CASES.keys()
    LAYOUTS |= _module.LAYOUTS
    CASES |= _module.CASES


@contextmanager
def _shrunk(layout: Layout) -> Iterator[None]:
    """Let the host detect the model from its real widths, and build it with the small ones."""
    import comfy.model_detection

    real = layout.named(layout.build("meta").state_dict())
    detect = comfy.model_detection.model_config_from_unet

    def small(_state: State, prefix: str, **kwargs: Any) -> Any:
        config = detect(real, prefix, **kwargs)
        config.unet_config.update(layout.small)
        return config

    with mock.patch.object(comfy.model_detection, "model_config_from_unet", small):
        yield


def _at_once(sampling: Any, shift: float = 1.0, cosine_s: float = 8e-3) -> None:
    """Stable Cascade's 10,000 sigmas in one go, for which the host takes a second."""
    sampling.shift, sampling.cosine_s, sampling.num_timesteps = shift, torch.tensor(cosine_s), 10_000
    sampling._init_alpha_cumprod = torch.cos(sampling.cosine_s / (1 + sampling.cosine_s) * torch.pi * 0.5) ** 2
    sampling.set_sigmas(sampling.sigma(torch.arange(1, 10_001) / 10_000))


def load(name: str, seed: int = 11, dtype: torch.dtype = torch.float32, stored: torch.dtype = torch.float32) -> Any:
    """A MODEL, in float32 unless said otherwise; every parameter has weights, those that real files start at zero too.

    Args:
        stored: number format of the file.
    """
    import comfy.model_sampling
    import comfy.sd

    layout = LAYOUTS[name]
    with layout.small_parts():
        state = layout.named(_fill(layout.build("cpu", **layout.small), seed))
    if layout.faint:
        state[layout.faint] /= 10
    state = {key: value.to(stored) for key, value in state.items()}
    quick = mock.patch.object(comfy.model_sampling.StableCascadeSampling, "set_parameters", _at_once)
    with _shrunk(layout), layout.small_parts(), quick:
        return comfy.sd.load_diffusion_model_state_dict(state, model_options={"dtype": dtype})
