"""Models of moving pictures that are trained on still ones: each is a film of one frame, as their trainers do it too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .flux import FLUX
from .record import Config, Family, Layers

WAN_LAYERS = Layers(
    blocks=("comfy.ldm.wan.model.WanAttentionBlock",),
    attentions=("comfy.ldm.wan.model.WanSelfAttention", "comfy.ldm.wan.model.WanT2VCrossAttention"),
)


def _wan(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    """Return None for the image-to-video and control models."""
    text_to_video = config["model_type"] == "t2v" and config["in_dim"] == config["out_dim"]
    return {} if text_to_video and not config.get("in_dim_ref_conv") else None


WAN = Family(
    title="Wan 2.1 text-to-video",  # Wan 2.2's two experts of 14B are of the same layout
    model_class="comfy.model_base.WAN21",
    variant=_wan,
    base_version="wan",
    architecture="wan2.1",
    timestep_sampling="shift",
    shift=3.0,
    source="musubi-tuner, docs/wan.md",
    layers=WAN_LAYERS,
)
WAN22_5B = Family(
    title="Wan 2.2 5B (still pictures)",
    model_class="comfy.model_base.WAN22",
    variant=_wan,
    base_version="wan2.2_5b",
    architecture="wan2.2-5b",
    timestep_sampling="sigmoid",
    source="diffusion-pipe, docs/supported_models.md (logit_normal)",
    layers=WAN_LAYERS,
)


def _hunyuan(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    """Return None for a model that is distilled to tell one step by the next (time_r_in), which a training step has not."""
    return None if config.get("meanflow") else {"guidance": bool(config["guidance_embed"])}


HUNYUAN_VIDEO = Family(
    title="HunyuanVideo (still pictures)",
    model_class="comfy.model_base.HunyuanVideo",
    variant=_hunyuan,
    base_version="hunyuan_video",
    architecture="hunyuan-video",
    implementation="https://github.com/Tencent/HunyuanVideo",
    timestep_sampling="shift",
    shift=7.0,
    source="musubi-tuner, docs/hunyuan_video.md",
    multiple=16,  # patches of 2 x 2 latents; ComfyUI does not fill up others to the end, nor for the next two
    layers=FLUX,
)
HUNYUAN_VIDEO_15 = Family(
    title="HunyuanVideo 1.5 (still pictures)",
    model_class="comfy.model_base.HunyuanVideo15",
    variant=_hunyuan,
    base_version="hunyuan_video_1_5",
    architecture="hunyuan-video-1.5",
    implementation="https://github.com/Tencent-Hunyuan/HunyuanVideo-1.5",
    timestep_sampling="shift",
    shift=2.0,
    source="musubi-tuner, docs/hunyuan_video_1_5.md: discrete_flow_shift 2",
    layers=FLUX,
)
MOCHI = Family(
    title="Mochi (still pictures)",
    model_class="comfy.model_base.GenmoMochi",
    base_version="mochi",
    architecture="mochi-1",
    implementation="https://github.com/genmoai/mochi",
    source="cogvideox-factory, training/mochi-1/text_to_video_lora.py",
    multiple=16,
    layers=Layers(
        blocks=("comfy.ldm.genmo.joint_model.asymm_models_joint.AsymmetricJointBlock",),
        attentions=("comfy.ldm.genmo.joint_model.asymm_models_joint.AsymmetricAttention",),
    ),
)
KANDINSKY5 = Family(
    title="Kandinsky 5 Video (still pictures)",
    model_class="comfy.model_base.Kandinsky5",
    base_version="kandinsky5",
    architecture="kandinsky-5-video",
    implementation="https://github.com/kandinskylab/kandinsky-5",
    timestep_sampling="shift",
    shift=5.0,
    source="musubi-tuner, docs/kandinsky5.md",
    multiple=16,
    layers=Layers(
        blocks=(
            "comfy.ldm.kandinsky5.model.TransformerEncoderBlock",
            "comfy.ldm.kandinsky5.model.TransformerDecoderBlock",
        ),
        attentions=("comfy.ldm.kandinsky5.model.SelfAttention", "comfy.ldm.kandinsky5.model.CrossAttention"),
    ),
)
LTX_VIDEO = Family(
    title="LTX-Video (still pictures)",
    model_class="comfy.model_base.LTXV",
    base_version="ltxv",
    architecture="ltx-video",
    implementation="https://github.com/Lightricks/LTX-Video",
    few_step_names=("distilled",),
    timestep_sampling="sigmoid",
    source="diffusion-pipe, docs/supported_models.md (logit_normal)",
    in_checkpoint=("vae",),
    layers=Layers(
        blocks=("comfy.ldm.lightricks.model.BasicTransformerBlock",),
        attentions=("comfy.ldm.lightricks.model.CrossAttention",),
        in_place=("comfy.ldm.lightricks.model.BasicTransformerBlock",),
        in_place_readers=("comfy.ldm.lightricks.model.CrossAttention", "comfy.ldm.common_dit.rms_norm"),
    ),
)
LTX2 = Family(
    title="LTX-2 (still pictures, no sound)",
    model_class="comfy.model_base.LTXAV",
    base_version="ltx2",
    architecture="ltx-2",
    implementation="https://github.com/Lightricks/LTX-2",
    few_step_names=("distilled",),
    timestep_sampling="sigmoid",
    source="diffusion-pipe, models/ltx2.py (logit_normal)",
    in_checkpoint=("vae",),
    layers=Layers(
        blocks=("comfy.ldm.lightricks.av_model.BasicAVTransformerBlock",),
        attentions=("comfy.ldm.lightricks.model.CrossAttention",),
        in_place=("comfy.ldm.lightricks.av_model.BasicAVTransformerBlock",),
        in_place_readers=("comfy.ldm.common_dit.rms_norm",),
    ),
)
