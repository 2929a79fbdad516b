"""A text encoder and a VAE that fit a family's small model, where the family's own are too large for a test."""

from __future__ import annotations

import math
import zlib
from typing import Any
from unittest import mock

import torch
from layout import Case


class Text(torch.nn.Module):
    """Gives each sign of a text random numbers of its own, of the width that the case says, and the case's extras."""

    dtypes = frozenset([torch.float32])

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        own = torch.Generator().manual_seed(
            zlib.crc32(case.config.encode())
        )  # encodings are kept by the encoder's weights
        numbers = torch.randn(256, case.width, generator=own)
        self.signs = torch.nn.Parameter(numbers, requires_grad=False)

    def encode_token_weights(self, tokens: Any) -> tuple[torch.Tensor, torch.Tensor | None, dict[str, Any]]:
        ids = [token for token, _ in tokens["signs"][0]]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(sum(ids))
            extras = {name: make(len(ids)) for name, make in self.case.extras.items()}
        return self.signs[ids].unsqueeze(0).cpu(), extras.pop("pooled_output", None), extras

    def set_clip_options(self, _options: Any) -> None: ...

    def reset_clip_options(self) -> None: ...

    def load_sd(self, state: Any) -> Any:
        return self.load_state_dict(state, strict=False)


class Signs:
    """A tokenizer by UTF-8 bytes, of as many as the case has at least."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def tokenize_with_weights(self, text: str, _return_word_ids: bool = False, **_options: Any) -> dict[str, Any]:
        return {"signs": [[(byte, 1.0) for byte in text.encode().ljust(self.case.tokens[0])]]}

    def state_dict(self) -> dict[str, Any]:
        return {}


def clip_of(case: Case) -> Any:
    """A CLIP object of the host's."""
    import comfy.sd

    class Target:
        params: dict = {}  # noqa: RUF012

        @staticmethod
        def tokenizer(**_options: Any) -> Signs:
            return Signs(case)

        @staticmethod
        def clip(**_options: Any) -> Text:
            return Text(case)

    return comfy.sd.CLIP(Target, model_options={"dtype": torch.float32})


class Waves(torch.nn.Module):
    """A VAE without training: the slowest waves (DCT) of each square of the picture, a third of the channels of each colour."""

    def __init__(self, channels: int, square: int) -> None:
        super().__init__()
        steps = (torch.arange(square) + 0.5) * math.pi / square
        lines = torch.stack([torch.cos(n * steps) for n in range(square)])
        lines /= lines.norm(dim=1, keepdim=True)
        order = sorted(((i, j) for i in range(square) for j in range(square)), key=lambda at: (sum(at), at))
        waves = torch.zeros(channels, 3, square, square)
        for n in range(channels):
            i, j = order[n // 3]
            waves[n, n % 3] = torch.outer(lines[i], lines[j])
        self.waves, self.square = torch.nn.Parameter(waves, requires_grad=False), square

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, [T,] H, W) in -1..1 -> (B, C, [T,] h, w)."""
        flat = pixels.movedim(2, 1).flatten(0, 1) if pixels.ndim == 5 else pixels
        found = torch.nn.functional.conv2d(flat, self.waves.to(flat), stride=self.square) * 2 / self.square
        return found.unflatten(0, (len(pixels), -1)).movedim(1, 2) if pixels.ndim == 5 else found

    def decode(self, latents: torch.Tensor, **_options: Any) -> torch.Tensor:
        flat = latents.movedim(2, 1).flatten(0, 1) if latents.ndim == 5 else latents
        found = torch.nn.functional.conv_transpose2d(flat * self.square / 2, self.waves.to(flat), stride=self.square)
        return found.unflatten(0, (len(latents), -1)).movedim(1, 2) if latents.ndim == 5 else found


def vae_of(latent_format: Any) -> Any:
    """A VAE object of the host's, for latents of this format."""
    import comfy.sd
    import comfy.taesd.taesd

    channels, square = latent_format.latent_channels, latent_format.spacial_downscale_ratio
    waves = Waves(channels, square)
    state = {"taesd_decoder.1.weight": torch.zeros(1, channels)} | waves.state_dict()
    with mock.patch.object(comfy.taesd.taesd, "TAESD", lambda latent_channels: waves):
        vae = comfy.sd.VAE(state, dtype=torch.float32)
    vae.downscale_ratio = vae.upscale_ratio = square
    if latent_format.latent_dimensions == 3:
        vae.latent_dim = 3
        vae.upscale_ratio, vae.upscale_index_formula = (lambda frames: frames, square, square), (1, square, square)
        vae.downscale_ratio, vae.downscale_index_formula = (lambda frames: frames, square, square), (1, square, square)
    return vae
