"""The control pictures of sample prompts: read, cut as in training, and encoded."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch

from ..data import decode
from ..data.images import to_tensor
from ..errors import AthanorError
from ..families import Controls
from ..host import controls as host_controls
from ..pictures import UnreadablePicture
from . import failing
from .prompts import Prompt


class ShownPictures:
    """What prompts mean with their control pictures; each picture's latent is made once."""

    def __init__(self, controls: Controls | None, vae: Any) -> None:
        """Read nothing yet; `controls`: how the model takes them, None if it takes none."""
        self._controls, self._vae = controls, vae
        self._latents: dict[Hashable, list[torch.Tensor]] = {}

    def key(self, prompt: Prompt, negative: bool) -> Hashable:
        """Return all that a prompt's encoding depends on: its words, and the pictures where the text encoder sees them."""
        words = prompt.negative if negative else prompt.text
        if not prompt.controls or self._controls is None or not self._controls.encoder:
            return words
        return words, negative, self._pictures_key(prompt)

    def _pictures_key(self, prompt: Prompt) -> Hashable:
        return prompt.controls, prompt.background, prompt.width, prompt.height

    def encode(self, clip: Any, prompt: Prompt, negative: bool) -> Any:
        """Return the CONDITIONING of a prompt or its negative one, without the pictures' latents.

        Raises:
            AthanorError: a picture cannot be read.
        """
        words = prompt.negative if negative else prompt.text
        pictures = self._pictures(prompt)
        with failing.on_text("prompt", words):
            return host_controls.conditioning(clip, self._controls, words, pictures, negative=negative)

    def references(self, prompt: Prompt) -> list[torch.Tensor]:
        """Return the latents of a prompt's control pictures.

        Raises:
            AthanorError: a picture cannot be read.
        """
        key = self._pictures_key(prompt)
        if key not in self._latents:
            with failing.on_pictures([path.name for path in prompt.controls]):
                self._latents[key] = host_controls.latents(self._vae, self._pictures(prompt))
        return self._latents[key]

    def with_latents(self, conditioning: Any, prompt: Prompt) -> Any:
        """Return a prompt's CONDITIONING with the latents of its control pictures."""
        if not prompt.controls or self._controls is None:
            return conditioning
        return host_controls.with_latents(conditioning, self._controls, self.references(prompt))

    def _pictures(self, prompt: Prompt) -> list[torch.Tensor]:
        found, size = [], self._controls.size if self._controls else "same"
        for path in prompt.controls:
            try:
                picture = to_tensor(decode.decode(path, prompt.background))[None]
            except UnreadablePicture as error:
                raise AthanorError(
                    f"sample_prompts: the control picture {path.name} cannot be read ({error}): take another one."
                ) from None
            found.append(host_controls.cut(picture, (prompt.width, prompt.height), size))
        return found
