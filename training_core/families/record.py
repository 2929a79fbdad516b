"""What a run has to know about a kind of model: one `Family` per kind, plain values that need neither torch nor ComfyUI.

Classes of ComfyUI are written as `module.Class`, such as "comfy.ldm.flux.layers.SingleStreamBlock", and are compared
with all of it: Krea 2 has a SingleStreamBlock, too, which is another class and works in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Config = Mapping[str, Any]
"""ComfyUI's unet_config: what its detection has read out of a checkpoint's keys and shapes."""

SAME = "same"
"""As a `Family.diffusers_map`: ComfyUI's modules have diffusers' own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The classes of a model's modules that training treats specially, each as `module.Class`."""

    blocks: tuple[str, ...]
    """Transformer blocks: gradient checkpointing computes them again, blocks_to_swap moves them, torch_compile compiles them."""
    attentions: tuple[str, ...]
    """Attention modules, whose Linear layers preset attn-only trains."""
    targets: tuple[str, ...] = ()
    """Modules whose Linear layers preset attn-mlp trains, as sd-scripts does (adaLN modulation too); empty: `blocks`."""
    convolutions: tuple[str, ...] = ()
    """Residual blocks of convolutions: checkpointed by "all", trained by conv_rank and by preset full."""
    resampling: tuple[str, ...] = ()
    """Down- and upsamplers, trained like `convolutions`."""
    in_place: tuple[str, ...] = ()
    """Those of `blocks` that write into their inputs (`img`, `txt` or the first argument): they are run on copies."""
    in_place_readers: tuple[str, ...] = ()
    """Modules and functions, beside norms, that such a block calls with what it changes afterwards: they get copies of it."""
    lycoris_names: Mapping[str, str] = field(default_factory=dict)
    """Class name in the preset files that LyCORIS comes with (diffusers' classes) -> name of ComfyUI's class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """How a kind of model takes control pictures: those that it is shown beside the caption, where its picture is the answer."""

    form: Literal["reference_latents", "concat_latent_image"] = "reference_latents"
    """Key of ComfyUI's CONDITIONING: their latents in a row, each of any size, or the latent of one, as large as the target's."""
    size: Literal["same", "own"]
    """What control_size "auto" means: "same": resized, cut and mirrored with the target; "own": its own shape, the target's area."""
    encoder: str = ""
    """ComfyUI's node that encodes a text with the pictures in it (host/controls.py knows how); empty: the encoder sees none."""
    most: int = 0
    """Pictures that it takes at most; 0: any number."""
    required: bool = False
    """Every picture has to have one; else those without train the model on their captions alone."""
    word: str = ""
    """In the names of files that were made for it, where others of the family have never been shown a picture."""
    source: str = ""
    """Where `size` is from: a trainer, and its file or documentation page."""


def _always(_config: Config, _v_prediction: bool) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of model: how it is recognised, what LoRA files say of it, how it is trained by default, which layers it has.

    A LoRA file's keys are `file_prefix`, `_unet_` and the module's path in ComfyUI, or with `diffusers_names` diffusers'.
    """

    title: str
    """Its name in logs and messages."""
    model_class: str
    """ComfyUI's class of the model, as `module.Class` and exactly: a subclass may be another model."""
    variant: Callable[[Config, bool], Mapping[str, Any] | None] = _always
    """(unet_config, v-prediction) -> the fields of this record that differ in such a model; None: it is another model."""
    base_version: str
    """Metadata `ss_base_model_version`, as sd-scripts writes it."""
    architecture: str
    """Metadata `modelspec.architecture`, before "/lora"."""
    implementation: str = "diffusers"
    """Metadata `modelspec.implementation`, where sd-scripts has another one."""
    timestep_sampling: Literal["uniform", "sigmoid", "shift"] = "uniform"
    """What timestep_sampling "auto" means: how the family's usual trainers draw timesteps."""
    shift: float = 1.0
    """Of timestep_sampling "shift", or of "uniform": sigma := shift * sigma / (1 + (shift - 1) * sigma)."""
    source: str = ""
    """Where those two are from: a trainer, and its file or documentation page."""
    predicts_picture: bool = False
    """Its velocity is made of a predicted picture by dividing by sigma, and its usual trainers compare the pictures."""
    multiple: int = 8
    """Sides of pictures in pixels must be multiples of this; 8: any that Bucketer makes, since ComfyUI fills up the rest."""
    above: int = 0
    """The mean of both sides must be above this many pixels."""
    guidance: bool = False
    """The model has an embedded guidance input (it is distilled)."""
    few_steps: bool = False
    """It was distilled to draw in a few steps, which training undoes; files of other families tell it by their names."""
    few_step_names: tuple[str, ...] = ()
    """Words in the names of files that are distilled so, beside those that all families have."""
    inpainting: bool = False
    """It fills in a part of a picture that is hidden from it: what the picture's mask marks, else a drawn part."""
    in_checkpoint: tuple[Literal["clip", "vae"], ...] = ()
    """What a file of the whole model holds beside it; empty: the file is the diffusion model alone."""
    file_prefix: str = "lora"
    """How keys of LoRA files begin, before `_unet` and `_te`."""
    diffusers_names: bool = False
    """LoRA files name modules as diffusers does, and their single text encoder `lora_te` without a number (SD1, SD2)."""
    diffusers_map: str = ""
    """ComfyUI's function in comfy.utils that maps diffusers' module names to its own, one of host/diffusers.py, or `SAME`;
    empty: there is none, and save_diffusers_copy is refused."""
    diffusers_newest: bool = False
    """Of several names for a module in that map the last one is meant, not the first."""
    layers: Layers
    """Its modules' classes."""
    controls: Controls | None = None
    """How it is trained on edit pairs; None: it cannot be."""
    guessed: tuple[str, ...] = ()
    """What of this record is a guess, in sentences, where the model is of no known family; empty for all of FAMILIES."""

    @property
    def usual_timesteps(self) -> tuple[str, float]:
        """What timestep_sampling auto means for it: the sampling's name, and its flow_shift."""
        return self.timestep_sampling, self.shift


def class_path(kind: type) -> str:
    """Return a class as `module.Class`."""
    return f"{kind.__module__}.{kind.__qualname__}"


def is_one_of(module: object, classes: frozenset[str]) -> bool:
    """Return whether an object's own class (not one that it inherits from) is among `classes`, given as `module.Class`."""
    return class_path(type(module)) in classes
