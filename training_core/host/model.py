"""The graph's own MODEL as something that can be trained on: loaded, differentiable, and restored afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import comfy.model_management as mm
import torch

from ..objective import Noised
from ..objective.schedule import Schedule
from . import compiled, detection, devices, frozen, kv_cache, patches, quantised, swap, weights
from .attention import Attention, overriding
from .batch import DeviceBatch, Geometry, Groups
from .joining import joined
from .live_text import LiveText
from .precision import compute_dtype
from .text import Text

EVERYTHING: Any = 1e20
"""Bytes that are never there: the host takes all other models off the device."""

CAST_ON = ("cuda", "xpu")
"""Kinds of device with memory of their own, where weights of another number format are cast once."""


class Trainable:
    """A loaded model on its device that makes batches and raw predictions with gradients."""

    def __init__(
        self,
        lent: weights.Lent,
        guidance: float = 1.0,
        text: LiveText | None = None,
        lent_text: weights.Lent | None = None,
    ) -> None:
        """`guidance`: what models with an embedded guidance input (Flux dev) are told while training; `text`: the text
        encoders, if they are trained as well, and `lent_text` their weights.
        """
        self.patcher, self.text = lent.patcher, text
        self._lent = [lent, *([lent_text] if lent_text else [])]
        self.guidance = guidance
        self.device: torch.device = self.patcher.load_device
        self.attention = Attention()
        self._weight_bytes: int | None = None  # bytes of weights on the device, once they were loaded
        self.compiled: compiled.Compiled | None = None
        self.load()

    def load(self) -> None:
        """(Re)load the whole model onto its device, and the text encoders if they are trained.

        Encoding captions between epochs, or drawing, may have pushed it out. The first time everything else leaves the device,
        since nobody knows yet what a step takes; later on so much is asked for as steps have taken.
        """
        known = self._weight_bytes
        beside = EVERYTHING if known is None else max(0, devices.peak_memory(self.device) - known)
        with torch.no_grad():
            mm.load_models_gpu([t.patcher for t in self._lent], memory_required=beside, force_full_load=True)
            for taken in self._lent:
                taken.settle()
        if known is None:
            models = [t.patcher.model for t in self._lent]
            self._weight_bytes = sum(p.nbytes for m in models for p in m.parameters() if p.device == self.device)
            devices.forget_peak_memory(self.device)
        options = self.patcher.model_options["transformer_options"].copy()
        options["optimized_attention_override"] = self.attention
        self._options: dict[str, Any] = options

    @property
    def diffusion_model(self) -> torch.nn.Module:
        """The module that the network is attached to."""
        return self.patcher.model.diffusion_model

    @property
    def encoders(self) -> torch.nn.Module | None:
        """The module of all text encoders if they are trained as well, else None."""
        return self.text and self.text.model

    def warnings(self) -> Iterator[str]:
        """Yield sentences about what did not go as asked for; each once."""
        if self.compiled:
            yield from self.compiled.warnings()

    @contextmanager
    def checkpointed(self, how: str, draws: bool = True) -> Iterator[None]:
        """Inside, "part" or "all" of the blocks are computed again in the backward pass; `draws`: the network is random."""
        draws = draws or any(map(self._options.get, compiled.PATCHES))  # what a graph puts into blocks may draw, too
        with ExitStack() as stack:
            for part in filter(None, (self.diffusion_model, self.encoders)):
                stack.enter_context(patches.checkpointed(part, how, draws))
            yield

    @property
    def schedule(self) -> Schedule:
        """The model's parameterization, with what the graph has patched in."""
        return detection.schedule(self.patcher.model.model_sampling)

    @property
    def _framed(self) -> bool:
        """Whether the model's own latents have a time axis, (B, C, 1, h, w) for a picture; those outside of this class have none."""
        return self.patcher.model.latent_format.latent_dimensions == 3

    @property
    def compute_dtype(self) -> torch.dtype:
        """The number format of the model's arithmetic."""
        return self.patcher.model.get_dtype_inference()

    def batch(
        self,
        latents: torch.Tensor,
        texts: Sequence[Any],
        geometry: Sequence[Geometry],
        weights: Sequence[float] | torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        beside: Sequence[Mapping[str, Any]] = (),
    ) -> DeviceBatch:
        """Put samples on the device. `latents`: (B, C, h, w), or (B, C, 1, h, w) of a video VAE, as the VAE gave them;
        `texts`: encoded, or captions that are encoded in every forward; `mask`: (B, 1, H, W) in 0..1; `beside`: what CONDITIONING
        holds of each sample's control pictures, their latents as the VAE gave them.
        """
        if self._framed and latents.ndim == 4:
            latents = latents.unsqueeze(2)
        together = self.patcher.model.process_latent_in(latents.to(self.device, torch.float32, non_blocking=True))
        mask = mask if mask is None else mask.to(self.device, non_blocking=True)
        weight = torch.as_tensor(weights, dtype=torch.float32).to(self.device, non_blocking=True)
        placed = [self._placed(one) for one in beside] or [{}] * len(texts)
        return self._batch(together, texts, geometry, weight, mask, beside=placed)

    def _placed(self, value: Any) -> Any:
        """Return what CONDITIONING holds of control pictures, its latents on the device and with the model's time axis."""
        if isinstance(value, Mapping):
            return {name: self._placed(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._placed(one) for one in value]
        value = value.to(self.device, torch.float32, non_blocking=True)
        return value.unsqueeze(2) if self._framed and value.ndim == 4 else value

    def _batch(
        self,
        together: torch.Tensor,
        texts: Sequence[Any],
        geometry: Sequence[Geometry],
        weight: torch.Tensor,
        mask: torch.Tensor | None,
        *,
        beside: Sequence[Mapping[str, Any]],
    ) -> DeviceBatch:
        """Make a batch of tensors that are on the device already, latents as the model takes them."""
        flat = together.squeeze(2) if self._framed else together

        def part(some: slice) -> DeviceBatch:
            cut = mask if mask is None else mask[some]
            return self._batch(together[some], texts[some], geometry[some], weight[some], cut, beside=beside[some])

        text = self.text
        if text is None:
            groups = self._groups(together, texts, geometry, beside)
            return DeviceBatch(latents=flat, weights=weight, mask=mask, groups=lambda: groups, part=part)

        def live() -> Groups:
            """Encode the captions in the step itself, whose random numbers the encoders' dropouts use."""
            encoded = [text(c.text, c.weighted, c.max_tokens, c.without) for c in texts]
            return self._groups(together, encoded, geometry, beside)

        return DeviceBatch(latents=flat, weights=weight, mask=mask, groups=live, part=part)

    def _groups(
        self,
        latents: torch.Tensor,
        texts: Sequence[Text],
        geometry: Sequence[Geometry],
        beside: Sequence[Mapping[str, Any]],
    ) -> Groups:
        """Return the samples in groups whose conditioning ComfyUI can join: each group shares a forward."""
        samples = enumerate(zip(texts, geometry, beside, strict=True))
        return joined([self._conds(latents[index : index + 1], *sample) for index, sample in samples])

    def _conds(self, latent: torch.Tensor, text: Text, sizes: Geometry, beside: Mapping[str, Any]) -> dict[str, Any]:
        """Return ComfyUI's conditioning objects of one sample, each for a batch of one."""
        model = self.patcher.model
        # Only for models trained with it: Chroma, whose input has the same name, must keep the host's default of 0.
        guided = model.model_config.unet_config.get("guidance_embed", False)
        conds = model.extra_conds(
            cross_attn=text.cond.to(self.device, non_blocking=True),
            **text.extras,
            **beside,
            noise=latent,
            latent_shapes=[latent.shape],  # as the sampler says it of a picture without sound (LTX-2)
            device=self.device,
            prompt_type="positive",
            width=sizes.original[0],
            height=sizes.original[1],
            crop_w=sizes.crop[0],
            crop_h=sizes.crop[1],
            target_width=sizes.target[0],
            target_height=sizes.target[1],
            aspect_ratio=sizes.target[1] / sizes.target[0],  # PixArt alpha's: of the bucket, not of the file
            **({"guidance": self.guidance} if guided else {}),
            # As the sampler gives it; without a mask all of it is hidden.
            **({"latent_image": latent} if model.concat_keys else {}),
        )
        return {name: cond.process_cond(batch_size=1, area=None, device=self.device) for name, cond in conds.items()}

    def predict(self, noised: Noised, batch: DeviceBatch) -> torch.Tensor:
        """Return the raw model output (eps, v or flow) for a batch, (B, C, h, w) float32."""
        model, outputs, order = self.patcher.model, [], []
        groups = batch.groups()
        for members, conds in groups:
            if len(groups) == 1:
                x, sigma = noised.x, noised.sigma
            else:
                index = self._index(torch.tensor(members))
                x, sigma = noised.x[index], noised.sigma[index]
            x = x.unsqueeze(2) if self._framed else x
            output = model.apply_model(x, sigma, transformer_options=self._options.copy(), **conds)
            outputs.append(output.squeeze(2) if self._framed else output)
            order += members
        if len(outputs) == 1:
            return outputs[0]
        return torch.cat(outputs)[self._index(torch.tensor(order).argsort())]

    def _index(self, places: torch.Tensor) -> torch.Tensor:
        """Return indices as a tensor on the device, without waiting for it as a list would."""
        return places.to(self.device, non_blocking=True)


@contextmanager
def trainable(
    model: Any,
    mixed_precision: str,
    gradient_checkpointing: str = "off",
    *,
    guidance: float = 1.0,
    clip: Any = None,
    blocks_to_swap: int = 0,
    torch_compile: bool = False,
    whole: bool = False,
) -> Iterator[Trainable]:
    """Load a MODEL of the graph for training; `guidance` goes to models with an embedded guidance input.

    No copy of the weights is kept; the graph's MODEL is untouched afterwards, and so is its CLIP, which is given if its text
    encoders are trained as well. Must be entered outside inference mode (`guard.training`).

    Args:
        blocks_to_swap: so many blocks' weights stay in main memory and are copied when they are needed.
        whole: the model's own weights are trained: they keep their number format.

    Raises:
        AthanorError: more blocks are to be swapped than there are.
    """
    wanted = compute_dtype(model, mixed_precision)
    with ExitStack() as stack:
        # On a GPU weights of another format are cast once; on a CPU that would be a second model in the same memory.
        once = wanted if model.load_device.type in CAST_ON else None
        lent = stack.enter_context(weights.lent(model, compute=once, keep=whole))
        lent_text = stack.enter_context(weights.lent(clip.patcher)) if clip is not None else None
        text = LiveText(clip, lent_text.patcher) if lent_text else None
        patcher = lent.patcher
        if wanted != patcher.model.get_dtype_inference():
            patcher.set_model_compute_dtype(wanted)
        stack.enter_context(patches.without_traces(patcher.model.diffusion_model))
        parts = [patcher.model.diffusion_model, *([text.model] if text else [])]
        stack.enter_context(quantised.as_linear(patcher.model.diffusion_model))
        for part in parts:
            stack.enter_context(frozen.recompute_weights(part))
        if blocks_to_swap:
            stack.enter_context(_swapped(patcher, blocks_to_swap))
        host_model = Trainable(lent, guidance, text, lent_text)
        if torch_compile:
            host_model.compiled = stack.enter_context(compiled.compiled(patcher.model.diffusion_model))
        stack.enter_context(patches.raw_output(patcher.model))
        stack.enter_context(overriding(host_model.attention))
        stack.enter_context(kv_cache.cleared(patcher.model.diffusion_model))
        for part in parts:
            stack.enter_context(patches.differentiable(part))
        stack.enter_context(host_model.checkpointed(gradient_checkpointing))
        yield host_model


def _swapped(patcher: Any, count: int) -> AbstractContextManager[swap.Swap]:
    """Swap blocks out of the device's memory, except for layers with weights that ComfyUI patches as it loads."""
    module, keep = patcher.model.diffusion_model, set()
    for key in (*patcher.patches, *patcher.weight_wrapper_patches):
        keep.add(id(patcher.model.get_submodule(str(key).rpartition(".")[0])))
    return swap.swapped(module, count, patcher.load_device, keep)
