"""Families of transformers with blocks of their own: SD3, Lumina 2, Z-Image, NewBie, Qwen-Image, AuraFlow and HiDream-I1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .record import SAME, Config, Controls, Family, Layers


def _sd3(config: Config, _v_prediction: bool) -> Mapping[str, Any]:
    size = "5-medium" if config["x_block_self_attn_layers"] else "5-large" if config["depth"] == 38 else "medium"
    return {"base_version": size, "architecture": f"stable-diffusion-3-{size}"}


SD3 = Family(
    title="SD3",
    model_class="comfy.model_base.SD3",
    variant=_sd3,
    base_version="medium",
    architecture="stable-diffusion-3-medium",
    in_checkpoint=("vae",),
    diffusers_map="mmdit_to_diffusers",
    source="sd-scripts, docs/sd3_train_network.md: weighting_scheme uniform, training_shift 1",
    layers=Layers(
        blocks=("comfy.ldm.modules.diffusionmodules.mmdit.JointBlock",),
        attentions=("comfy.ldm.modules.diffusionmodules.mmdit.SelfAttention",),
        lycoris_names={"SingleDiTBlock": "JointBlock"},
    ),
)

LUMINA = Layers(
    blocks=("comfy.ldm.lumina.model.JointTransformerBlock",),
    attentions=("comfy.ldm.lumina.model.JointAttention",),
    lycoris_names={"ZImageTransformerBlock": "JointTransformerBlock"},
)


_LUMINAS = ("clip_text_dim", "z_image_modulation", "siglip_feat_dim")
"""What tells those of Lumina 2's class apart: NewBie's text as one vector, Z-Image's modulation, Z-Image Omni's pictures by SigLIP."""


def _lumina_with(*parts: str) -> Callable[[Config, bool], Mapping[str, Any] | None]:
    """Return a `Family.variant` for the models of Lumina 2's class that have these of `_LUMINAS` and no others."""
    return lambda config, _v_prediction: {} if {part for part in _LUMINAS if config.get(part)} == set(parts) else None


LUMINA2 = Family(
    title="Lumina 2",
    model_class="comfy.model_base.Lumina2",
    variant=_lumina_with(),
    base_version="lumina2",
    architecture="lumina-2",
    timestep_sampling="shift",
    shift=6.0,
    diffusers_map="lumina2_to_diffusers",  # our own: ComfyUI's is for Z-Image, whose names and widths of k and v are others
    source="sd-scripts, docs/lumina_train_network.md: discrete_flow_shift 6 (it also has nextdit_shift, by size)",
    layers=LUMINA,
)
Z_IMAGE = Family(
    title="Z-Image",
    model_class="comfy.model_base.Lumina2",
    variant=_lumina_with("z_image_modulation"),
    base_version="z_image",
    architecture="z-image",
    timestep_sampling="shift",
    shift=2.0,
    diffusers_map="z_image_to_diffusers",
    source="musubi-tuner, docs/zimage.md: discrete_flow_shift 2",
    layers=LUMINA,
)
Z_IMAGE_OMNI = Family(
    title="Z-Image Omni",
    model_class="comfy.model_base.Lumina2",
    variant=_lumina_with("z_image_modulation", "siglip_feat_dim"),
    base_version="z_image_omni",
    architecture="z-image-omni",
    timestep_sampling="shift",
    shift=2.0,
    source="as Z-Image: musubi-tuner, docs/zimage.md: discrete_flow_shift 2",
    diffusers_map="z_image_omni_to_diffusers",
    layers=LUMINA,
    controls=Controls(
        size="own", encoder="TextEncodeZImageOmni", most=3, source="ComfyUI, comfy_extras/nodes_zimage.py"
    ),
)
NEWBIE = Family(
    title="NewBie",
    model_class="comfy.model_base.Lumina2",
    variant=_lumina_with("clip_text_dim"),
    base_version="newbie",
    architecture="newbie-image",
    timestep_sampling="shift",
    shift=3.1582,
    source="NewbieLoraTrainer, train_newbie_lora.py and transport/transport.py: lognorm, shifted by size; exp(1.15) at 1024 pixels",
    layers=LUMINA,
)


def _qwen_image(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    """Return None for the layered models; those for editing have the same layers, and 2511 says so."""
    edits = config.get("default_ref_method", "index_timestep_zero") == "index_timestep_zero"
    return {} if config["in_channels"] == 64 and edits else None


QWEN_IMAGE = Family(
    title="Qwen-Image",
    model_class="comfy.model_base.QwenImage",
    variant=_qwen_image,
    base_version="qwen_image",
    architecture="Qwen-Image",
    timestep_sampling="shift",
    shift=2.2,
    diffusers_map=SAME,
    source="musubi-tuner, docs/qwen_image.md: discrete_flow_shift 2.2",
    layers=Layers(
        blocks=("comfy.ldm.qwen_image.model.QwenImageTransformerBlock",),
        attentions=("comfy.ldm.qwen_image.model.Attention",),
    ),
    controls=Controls(
        size="own",
        encoder="TextEncodeQwenImageEditPlus",
        most=3,
        word="edit",
        source="musubi-tuner, docs/dataset_config.md (control_resolution); ai-toolkit, qwen_image/qwen_image_edit_plus.py",
    ),
)
AURAFLOW = Family(
    title="AuraFlow",
    model_class="comfy.model_base.AuraFlow",
    base_version="auraflow",
    architecture="auraflow",
    diffusers_map="auraflow_to_diffusers",
    source="no trainer's: evenly; diffusion-pipe's docs/supported_models.md has logit_normal, which is sigmoid here",
    layers=Layers(
        blocks=("comfy.ldm.aura.mmdit.MMDiTBlock", "comfy.ldm.aura.mmdit.DiTBlock"),
        attentions=("comfy.ldm.aura.mmdit.SingleAttention", "comfy.ldm.aura.mmdit.DoubleAttention"),
    ),
)
HIDREAM = Family(
    title="HiDream-I1",
    model_class="comfy.model_base.HiDream",
    base_version="hidream_i1",
    architecture="hidream-i1",
    few_step_names=("fast", "dev"),
    diffusers_map=SAME,
    source="SimpleTuner, documentation/quickstart/HIDREAM.md: shift 1 to begin with; diffusion-pipe, models/hidream.py, has sigmoid",
    layers=Layers(
        blocks=("comfy.ldm.hidream.model.HiDreamImageBlock",),
        attentions=("comfy.ldm.hidream.model.HiDreamAttention",),
    ),
)
